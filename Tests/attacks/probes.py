"""Attacks that are more than frames at the victim: FDB poisoning, VXLAN, answers of the host."""
import socket
import struct
import time

from frames import ethernet, ipv6, next_label, options, sum_icmp
from scene import eventually
from wire import Capture, Sender, address_bytes, checksum, mac_bytes


def solicit(guest):
    """A DHCPv6 Solicit (RFC 8415 section 18.2.1) from the guest's link-local."""
    identity = b"\0\1\0\x0a\0\3\0\1" + mac_bytes(guest.mac)
    body = b"\x01\0\x12\x34" + identity + b"\0\3\0\x0c\0\0\0\1" + bytes(8) + b"\0\x06\0\4\0\x17\0\x18" + b"\0\x08\0\2\0\0"
    udp = struct.pack("!HHHH", 546, 547, 8 + len(body), 0) + body
    source, target = address_bytes(guest.link_local), address_bytes("ff02::1:2")
    udp = udp[:6] + struct.pack("!H", checksum(source, target, 17, udp)) + udp[8:]
    guest.sender.send(ethernet("33:33:00:01:00:02", guest.mac, ipv6(guest.link_local, "ff02::1:2", 17, udp, 1)))


def _attackers(scene):
    return [scene.guests[name] for name in scene.attackers]


def poisoning(frames_of):
    """A probe: do frames for a neighbour go to the attacker after it has sent `frames_of(attacker, neighbour)`?"""

    def probe(scene, guarded):
        """How many of 10 frames to the neighbour were led to the attacker, or away from the neighbour."""
        alice, bob = scene.guests["alice"], scene.guests["bob"]
        result = {}
        for attacker in _attackers(scene):
            bob.run("ping", "-6", "-n", "-q", "-c", "1", "-W", "2", alice.global_address, check=False)
            for capture in (attacker.capture, alice.capture):
                capture.discard()
            body = struct.pack("!HHHH", 7, 7, 8 + 8, 0) + b"to alice"
            for turn in range(10):
                for frame in frames_of(attacker, alice):
                    attacker.sender.send(frame)
                bob.sender.send(ethernet(alice.mac, bob.mac, ipv6(bob.global_address, alice.global_address, 17, body, 64, next_label())))
            time.sleep(0.05)
            stolen = sum(b"to alice" in frame for frame in attacker.capture.take()[0])
            kept = sum(b"to alice" in frame for frame in alice.capture.take()[0])
            result[attacker.name] = max(stolen, 10 - kept)
            # Alice speaks, and the bridges learn the truth again.
            alice.run("ping", "-6", "-n", "-q", "-c", "1", "-W", "2", bob.global_address, check=False)
            alice.run("ping", "-6", "-n", "-q", "-c", "1", "-W", "2", scene.guests["carol"].global_address, check=False)
        return result

    return probe


def _with_ip(attacker, alice):
    return [ethernet("33:33:00:00:00:01", alice.mac, ipv6(alice.link_local, "ff02::1", 17, bytes(8), 1, next_label()))]


def _with_group(group, kind, body):
    return lambda attacker, alice: [ethernet(group, alice.mac, body, kind)]


def vxlan_packet(source_mac, target_mac, source, target, vni, inner, limit=64):
    body = struct.pack("!BBHI", 8, 0, 0, vni << 8) + inner
    udp = struct.pack("!HHHH", 49152, 4789, 8 + len(body), 0) + body
    udp = udp[:6] + struct.pack("!H", checksum(address_bytes(source), address_bytes(target), 17, udp) or 0xFFFF) + udp[8:]
    return ethernet(target_mac, source_mac, ipv6(source, target, 17, udp, limit))


def _inner(scene, note):
    victim = scene.guests["victim"]
    return ethernet(victim.mac, "02:5e:ed:00:00:55", ipv6("2001:db8:bad::5", victim.global_address, 17, bytes(8) + note, 64, next_label()))


def foreign_vtep(scene, guarded):
    """A machine on the underlay that is no host of KC sends VXLAN to h1, whole and in fragments."""
    victim, h1, api = scene.guests["victim"], scene.hosts["h1"], scene.api
    target_mac = _mac(h1, "eth0")
    vni = int(scene.bridge[3:], 16)
    sender = Sender(api.path, "eth0")
    victim.capture.discard()
    for turn in range(5):
        sender.send(vxlan_packet(_mac(api, "eth0"), target_mac, "fd0a::a", "fd0a::1", vni, _inner(scene, b"foreign vtep")))
        whole = vxlan_packet(_mac(api, "eth0"), target_mac, "fd0a::a", "fd0a::1", vni, _inner(scene, b"foreign vtep"))
        payload = whole[54:]
        for begin, end in ((0, 32), (32, len(payload))):
            header = struct.pack("!BBHI", 17, 0, begin | (end < len(payload)), 7700 + turn)
            sender.send(ethernet(target_mac, _mac(api, "eth0"), ipv6("fd0a::a", "fd0a::1", 44, header + payload[begin:end], 64)))
    time.sleep(0.2)
    sender.close()
    return {"api": sum(b"foreign vtep" in frame for frame in victim.capture.take()[0])}


def guest_vxlan(scene, guarded):
    """A guest sends VXLAN in its own UDP to the host's VTEP: at the host's bridge, and by the router."""
    h1 = scene.hosts["h1"]
    bridge_mac = _mac(h1, scene.bridge)
    listener = Capture(h1.path, scene.bridge)
    inside = Capture(scene.hosts["h1"].path, "eth0")
    victim = scene.guests["victim"]
    victim.capture.discard()
    result = {}
    vni = int(scene.bridge[3:], 16)
    for attacker in _attackers(scene):
        listener.discard()
        inside.discard()
        note = b"guest vxlan " + attacker.name.encode()
        for turn in range(5):
            for mac in (bridge_mac, scene.gateway_mac):
                attacker.sender.send(vxlan_packet(attacker.mac, mac, attacker.global_address, "fd0a::1", vni, _inner(scene, note)))
        time.sleep(0.1)
        # What the host's own stack would take (the bridge device), and what came out at the victim or on the underlay. From
        # the other host the frame itself travels in the segment's VXLAN: there only one that is not inside another counts.
        direct = sum(note in f and f[20] == 17 and f[38:54] == address_bytes("fd0a::1") and f[22:38] == address_bytes(attacker.global_address)
                     for f in sum(inside.take(), []))
        result[attacker.name] = (sum(note in f for f in listener.take()[0]) + direct
                                 + sum(note in f and f[14 + 24:54] != address_bytes("fd0a::1") for f in victim.capture.take()[0]))
    listener.close()
    inside.close()
    return result


def _mac(namespace, device):
    return namespace.run("cat", f"/sys/class/net/{device}/address").strip() if hasattr(namespace, "keeper") else None


def host_answers_arp(scene, guarded):
    """ARP for the host's own IPv4 address: Linux answers on every interface."""
    result = {}
    for name, attacker in (("h1", scene.guests["mallory"]), ("h2", scene.guests["trudy"])):
        host = scene.hosts[name]
        host.run("ip", "address", "replace", "192.0.2.7/24", "dev", "eth0")
        attacker.capture.discard()
        arp = b"\0\x01\x08\0\x06\x04\0\x01" + mac_bytes(attacker.mac) + bytes([192, 0, 2, 9]) + bytes(6) + bytes([192, 0, 2, 7])
        for _ in range(3):
            attacker.sender.send(ethernet("ff:ff:ff:ff:ff:ff", attacker.mac, arp, 0x0806))
        time.sleep(0.1)
        result[attacker.name] = sum(f[12:14] == b"\x08\x06" and f[20:22] == b"\0\x02" for f in attacker.capture.take()[0])
        host.run("ip", "address", "del", "192.0.2.7/24", "dev", "eth0")
    return result


def host_answers_ipv6(scene, guarded):
    """Echo to ff02::1, ff02::2 and the bridge's own link-local, with IPv6 switched on at the bridge, as if KC had not
    switched it off: the guard alone must be enough."""
    result = {}
    for name, attacker in (("h1", scene.guests["mallory"]), ("h2", scene.guests["trudy"])):
        host = scene.hosts[name]
        host.setting(f"ipv6/conf/{scene.bridge}/accept_dad", 0)
        host.setting(f"ipv6/conf/{scene.bridge}/disable_ipv6", 0)
        mac = _mac(host, scene.bridge)
        try:
            own = eventually(lambda: [a["local"] for e in host.ip("address", "show", "dev", scene.bridge) for a in e["addr_info"]] or [_eui(mac)], 2)[0]
            attacker.capture.discard()
            for group, to in (("ff02::1", "33:33:00:00:00:01"), ("ff02::2", "33:33:00:00:00:02"), (own, mac)):
                for turn in range(3):
                    echo = sum_icmp(attacker.link_local, group, b"\x80\0\0\0" + struct.pack("!HH", 1, turn))
                    attacker.sender.send(ethernet(to, attacker.mac, ipv6(attacker.link_local, group, 58, echo, 255, next_label())))
            solicit_ = sum_icmp(attacker.link_local, own, b"\x87\0\0\0" + bytes(4) + address_bytes(own) + b"\x01\x01" + mac_bytes(attacker.mac))
            attacker.sender.send(ethernet(mac, attacker.mac, ipv6(attacker.link_local, own, 58, solicit_, 255)))
            time.sleep(0.2)
            result[attacker.name] = sum(f[6:12] == mac_bytes(mac) or f[22:38] == address_bytes(own) for f in attacker.capture.take()[0])
        finally:
            host.setting(f"ipv6/conf/{scene.bridge}/disable_ipv6", 1)
    return result


def _eui(mac):
    b = bytearray(mac_bytes(mac))
    b[0] ^= 2
    return "fe80::%02x%02x:%02xff:fe%02x:%02x%02x" % tuple(b)


def host_hears_link_local_groups(scene, guarded):
    """Frames to 01:80:c2:00:00:0x reach the host's own stack (LLDP, spanning tree, 802.1X): none may."""
    result = {}
    for name, attacker in (("h1", scene.guests["mallory"]), ("h2", scene.guests["trudy"])):
        host = scene.hosts[name]
        listener = Capture(host.path, scene.bridge)
        for last in (0x00, 0x02, 0x03, 0x0E):
            attacker.sender.send(ethernet(f"01:80:c2:00:00:{last:02x}", attacker.mac, b"kc link-local group" + bytes([last]), 0x88CC))
        time.sleep(0.1)
        result[attacker.name] = sum(b"kc link-local group" in f for f in listener.take()[0])
        listener.close()
    return result


ALL = [
    ("FDB poisoning by IPv6 in a neighbour's name", poisoning(_with_ip)),
    ("FDB poisoning by an unknown ethertype", poisoning(_with_group("ff:ff:ff:ff:ff:ff", 0x88B5, b"kc" * 20))),
    ("FDB poisoning by an 802.3 frame", poisoning(_with_group("ff:ff:ff:ff:ff:ff", 0x0030, b"\x42\x42\x03" + bytes(45)))),
    ("FDB poisoning by a VLAN tag", poisoning(_with_group("ff:ff:ff:ff:ff:ff", 0x8100, b"\0\0\x86\xdd" + bytes(40)))),
    ("VXLAN from a machine that is no VTEP", foreign_vtep),
    ("VXLAN inside a guest's UDP 4789 to a VTEP", guest_vxlan),
    ("ARP for the host's IPv4 address", host_answers_arp),
    ("echo and solicitations to the host's bridge", host_answers_ipv6),
]
