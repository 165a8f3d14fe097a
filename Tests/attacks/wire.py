"""Frames on a guest's interface: capture, sending, and the judge of what a guest may lawfully send."""
import ctypes
import dataclasses
import ipaddress
import os
import socket
import struct
import threading

_libc = ctypes.CDLL("libc.so.6", use_errno=True)
_CLONE_NEWNET = 0x40000000
_SOL_PACKET, _PACKET_AUXDATA, _PACKET_STATISTICS = 263, 8, 6
_PACKET_OUTGOING = 4
_TP_VLAN_VALID, _TP_VLAN_TPID_VALID = 1 << 4, 1 << 6
_SO_RCVBUFFORCE = 33
_ETH_P_ALL = 3


def in_namespace(path, work):
    """Runs `work` in a thread that has entered the network namespace; sockets it makes stay there."""
    result = {}

    def body():
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                if _libc.setns(fd, _CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), f"setns {path}")
            finally:
                os.close(fd)
            result["value"] = work()
        except BaseException as error:  # handed to the caller below
            result["error"] = error

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    if "error" in result:
        raise result["error"]
    return result["value"]


class Capture:
    """All frames of an interface from now on, kept by the kernel (up to 96 MiB) until they are taken."""

    def __init__(self, path, device="eth0"):
        def make():
            capture = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
            capture.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 96 << 20)
            capture.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
            capture.bind((device, _ETH_P_ALL))
            return capture

        self.socket = in_namespace(path, make)

    def take(self, limit=200_000):
        """What came and what was sent since the last call: two lists of whole frames, VLAN tags put back in place."""
        came, sent = [], []
        while len(came) + len(sent) < limit:
            try:
                data, ancillary, _, address = self.socket.recvmsg(65535, 64)
            except BlockingIOError:
                break
            except OSError:
                # The device went away and came back.
                break
            for level, kind, value in ancillary:
                if level == _SOL_PACKET and kind == _PACKET_AUXDATA:
                    status, _, _, _, _, tci, protocol = struct.unpack("=IIIHHHH", value[:20])
                    if status & _TP_VLAN_VALID:
                        tag = protocol if status & _TP_VLAN_TPID_VALID else 0x8100
                        data = data[:12] + struct.pack("!HH", tag, tci) + data[12:]
            (sent if address[2] == _PACKET_OUTGOING else came).append(data)
        return came, sent

    def discard(self):
        """Forgets what was captured so far; cheaper than taking it."""
        while True:
            try:
                self.socket.recv(1)
            except OSError:
                return

    def lost(self):
        """Frames that did not fit since the last call."""
        return struct.unpack("=II", self.socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))[1]

    def close(self):
        self.socket.close()


class Sender:
    """Sends whole frames by an interface."""

    def __init__(self, path, device="eth0"):
        def make():
            sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            sender.bind((device, 0))
            return sender

        self.socket = in_namespace(path, make)

    def send(self, frame):
        self.socket.send(frame)

    def close(self):
        self.socket.close()


def mac_bytes(text):
    return bytes.fromhex(text.replace(":", ""))


def address_bytes(text):
    return ipaddress.IPv6Address(text).packed


def checksum(source, destination, protocol, payload):
    """The Internet checksum over the pseudo-header of RFC 8200 section 8.1 and the payload."""
    data = source + destination + struct.pack("!IxxxB", len(payload), protocol) + payload
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@dataclasses.dataclass
class Owner:
    """Who sits behind a port: its MAC and its addresses (packed), and what it may take for itself: whatever nobody else has
    in networks (first 8 bytes) of its segment."""

    mac: bytes
    addresses: set
    router: bool = False
    networks: frozenset = frozenset()
    foreign: set = dataclasses.field(default_factory=set)

    def owns(self, address):
        return address in self.addresses or address[:8] in self.networks and address not in self.foreign

    def lawful(self, frame):
        """Whether this owner may send the frame: untagged IPv6 from its own MAC and address, a harmless header chain,
        and neighbour discovery about itself alone. An oracle of its own: it shares nothing with the rules under test."""
        if len(frame) < 54 or frame[6:12] != self.mac or frame[12:14] != b"\x86\xdd" or frame[14] >> 4 != 6:
            return False
        length, following, limit = struct.unpack("!HBB", frame[18:22])
        source, destination, rest = frame[22:38], frame[38:54], frame[54:54 + length]
        if len(rest) != length:
            return False
        if source == bytes(16):
            return self._unspecified(following, limit, rest)
        if not self.owns(source) and not self.router:
            return False
        if following in (4, 41, 47, 50, 89, 112, 132, 136, 6):
            return True
        if following == 17:
            return len(rest) >= 8 and (self.router or rest[2:4] != b"\x02\x22")
        if following == 58:
            return self._icmp(limit, source, rest)
        if following == 44:
            return self._fragment(destination, rest)
        if following == 0:
            return self._membership(limit, destination, rest)
        return False

    def _unspecified(self, following, limit, rest):
        if following == 0:
            return self._membership(limit, b"\xff\x02", rest)
        if following != 58 or limit != 255 or len(rest) < 8 or rest[1]:
            return False
        if rest[0] == 133:
            return len(rest) == 8
        # Duplicate address detection, bare or with a nonce (RFC 7527); whose address it may be is judged by its effect.
        return rest[0] == 135 and (len(rest) == 24 or len(rest) == 32 and rest[24:26] == b"\x0e\x01")

    def _icmp(self, limit, source, rest):
        if len(rest) < 8:
            return False
        kind = rest[0]
        if kind in (1, 2, 3, 4):
            # An error quotes a packet that its sender received.
            return self.router or len(rest) < 48 or self.owns(rest[32:48])
        if kind in (128, 129):
            return True
        if limit != 255 or rest[1]:
            return False
        if kind == 133:
            return len(rest) == 8 or len(rest) == 16 and rest[8:10] == b"\x01\x01" and rest[10:16] == self.mac
        if kind == 134:
            return self.router
        if kind == 135:
            return len(rest) == 24 or len(rest) == 32 and rest[24:26] == b"\x01\x01" and rest[26:32] == self.mac
        if kind == 136:
            if not self.owns(rest[8:24]) or rest[4] & 0x80 and not self.router:
                return False
            return len(rest) == 24 or len(rest) == 32 and rest[24:26] == b"\x02\x01" and rest[26:32] == self.mac
        return False

    @staticmethod
    def _fragment(destination, rest):
        if destination[0] == 0xFF or destination[:2] == b"\xfe\x80" or len(rest) < 8:
            return False
        offset = struct.unpack("!H", rest[2:4])[0] & 0xFFF8
        if offset:
            return rest[0] in (6, 17, 58)
        first = rest[8:]
        if rest[0] == 6:
            return len(first) >= 20
        if rest[0] == 17:
            return len(first) >= 8 and first[2:4] != b"\x02\x22"
        return rest[0] == 58 and len(first) >= 8 and first[0] in (128, 129)

    @staticmethod
    def _membership(limit, destination, rest):
        return (limit == 1 and destination[:2] == b"\xff\x02" and len(rest) >= 16
                and rest[:8] in (b"\x3a\x00\x05\x02\x00\x00\x01\x00", b"\x3a\x00\x01\x00\x05\x02\x00\x00")
                and rest[8] in (131, 132, 143))
