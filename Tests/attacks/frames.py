"""Frames that a tool does not make: messages a guest must not send, in every disguise of VU#855201 and RFC 7113.

A variant is (name, frames). The flow label of each frame is the variant's number, so that no two frames are alike.
"""
import itertools
import struct

from scapy.layers.dhcp6 import DHCP6_Advertise, DHCP6OptClientId, DHCP6OptServerId, DUID_LL
from scapy.layers.inet import UDP
from scapy.layers.inet6 import (ICMPv6MLDMultAddrRec, ICMPv6MLQuery, ICMPv6ND_NA, ICMPv6ND_RA, ICMPv6ND_Redirect,
                                ICMPv6NDOptDstLLAddr, ICMPv6NDOptPrefixInfo, ICMPv6NDOptSrcLLAddr, IPv6)

from wire import address_bytes, checksum, mac_bytes

ALL_NODES = ("33:33:00:00:00:01", "ff02::1")
_numbers = itertools.count(1)


def ipv6(source, destination, following, payload, limit=255, label=0, length=None):
    """An IPv6 packet of bytes."""
    return (struct.pack("!IHBB", 6 << 28 | label, len(payload) if length is None else length, following, limit)
            + address_bytes(source) + address_bytes(destination) + payload)


def ethernet(destination, source, payload, kind=0x86DD):
    return mac_bytes(destination) + mac_bytes(source) + struct.pack("!H", kind) + payload


def sum_icmp(source, destination, message):
    """An ICMPv6 message with its checksum."""
    message = message[:2] + b"\0\0" + message[4:]
    return message[:2] + struct.pack("!H", checksum(address_bytes(source), address_bytes(destination), 58, message)) + message[4:]


def options(length, following):
    """An options header (hop-by-hop or destination) of `length` bytes, a multiple of 8, full of PadN."""
    body, rest = b"", length - 2
    while rest > 0:
        piece = min(rest, 257)
        if rest - piece == 1:
            piece -= 2
        body += b"\0" if piece == 1 else struct.pack("!BB", 1, piece - 2) + bytes(piece - 2)
        rest -= piece
    return struct.pack("!BB", following, length // 8 - 1) + body


def fragment(following, offset, more, identity, reserved=0):
    """A Fragment header (RFC 8200 section 4.5); `offset` in bytes."""
    return struct.pack("!BBHI", following, reserved, offset | more, identity)


class Message:
    """What a disguise hides: an upper-layer message with its addresses."""

    def __init__(self, name, guest, destination, mac, protocol, payload, limit=255, source=None):
        self.name, self.guest, self.protocol, self.limit = name, guest, protocol, limit
        self.destination, self.mac, self.source = destination, mac, source or guest.link_local
        self.payload = payload

    def packet(self, following, payload, label, destination=None):
        return ipv6(self.source, destination or self.destination, following, payload, self.limit, label)

    def frame(self, following, payload, label, **words):
        return ethernet(self.mac, self.guest.mac, self.packet(following, payload, label, **words))


def messages(guest, scene, number):
    """The messages that only a gateway or the true owner may send, from the attacker's own MAC and link-local."""
    victim, alice = scene.guests["victim"], scene.guests["alice"]
    own = guest.link_local

    def message(name, destination, mac, layer):
        packet = bytes(IPv6(src=own, dst=destination) / layer)
        return Message(name, guest, destination, mac, packet[6], packet[40:])

    prefix = f"2001:db8:{number:x}::"
    yield message("router advertisement", ALL_NODES[1], ALL_NODES[0],
                  ICMPv6ND_RA(routerlifetime=1800, prf=1) / ICMPv6NDOptPrefixInfo(prefix=prefix, prefixlen=64)
                  / ICMPv6NDOptSrcLLAddr(lladdr=guest.mac))
    yield message("neighbour advertisement", victim.link_local, victim.mac,
                  ICMPv6ND_NA(tgt=alice.global_address, R=0, S=0, O=1) / ICMPv6NDOptDstLLAddr(lladdr=guest.mac))
    yield message("redirect", victim.link_local, victim.mac,
                  ICMPv6ND_Redirect(tgt=own, dst="2001:db8:77::1") / ICMPv6NDOptDstLLAddr(lladdr=guest.mac))
    yield message("DHCPv6 advertise", victim.link_local, victim.mac,
                  UDP(sport=547, dport=546) / DHCP6_Advertise(trid=number) / DHCP6OptServerId(duid=DUID_LL(lladdr=guest.mac))
                  / DHCP6OptClientId(duid=DUID_LL(lladdr=victim.mac)))
    yield message("MLD query", ALL_NODES[1], ALL_NODES[0], ICMPv6MLQuery(mrd=1000, mladdr="::"))


def disguises(m, label):
    """(name, frames) for each way to hide the message `m`."""
    nh, body = m.protocol, m.payload
    identity = label

    def one(name, following, payload):
        return name, [m.frame(following, payload, label)]

    def chain(following, payload):
        """The packet cut into first and last fragment at each given place."""
        def cut(*places, reserved=0):
            frames, borders = [], [0, *places, len(payload)]
            for begin, end in zip(borders, borders[1:]):
                frames.append(m.frame(44, fragment(following, begin, end < len(payload), identity, reserved) + payload[begin:end], label))
            return frames
        return cut

    yield one("plain", nh, body)
    yield one("hop-by-hop options", 0, options(8, nh) + body)
    yield one("hop-by-hop with router alert", 0, struct.pack("!BB", nh, 0) + b"\x05\x02\0\0\x01\0" + body)
    yield one("20-byte destination options", 60, options(24, nh) + body)
    yield one("1,000-byte destination options", 60, options(1000, nh) + body)
    yield one("five destination options headers", 60, b"".join(options(8, n) for n in (60, 60, 60, 60, nh)) + body)
    yield one("hop-by-hop, then destination options", 0, options(8, 60) + options(8, nh) + body)
    yield one("routing header type 0, no segments left", 43, struct.pack("!BBBB", nh, 0, 0, 0) + bytes(4) + body)
    yield one("routing header type 2, no segments left", 43, struct.pack("!BBBB", nh, 0, 2, 0) + bytes(4) + body)
    yield one("routing header type 3", 43, struct.pack("!BBBB", nh, 0, 3, 0) + bytes(4) + body)
    yield one("unknown next header 253 as an extension", 253, struct.pack("!BB", nh, 0) + bytes(6) + body)
    yield one("unknown next header 200", 200, options(8, nh) + body)
    yield one("mobility header", 135, struct.pack("!BBBBHH", nh, 0, 0, 0, 0, 0) + body)
    yield one("shim6 header", 140, struct.pack("!BB", nh, 0) + bytes(6) + body)
    yield one("HIP header", 139, struct.pack("!BB", nh, 4) + bytes(38) + body)
    yield one("authentication header", 51, struct.pack("!BBHII", nh, 1, 0, 1, 1) + body)
    yield one("no next header, then the message", 59, body)
    yield one("atomic fragment", 44, fragment(nh, 0, 0, identity) + body)
    yield one("atomic fragment with reserved bits", 44, fragment(nh, 0, 0, identity, 0xFF) + body)
    yield one("two atomic fragments", 44, fragment(44, 0, 0, identity) + fragment(nh, 0, 0, identity + 1) + body)
    yield one("three atomic fragments behind hop-by-hop", 0, options(8, 44) + fragment(44, 0, 0, identity)
              + fragment(44, 0, 0, identity) + fragment(nh, 0, 0, identity) + body)
    yield one("atomic fragment, then destination options", 44, fragment(60, 0, 0, identity) + options(24, nh) + body)
    yield one("destination options, then atomic fragment", 60, options(8, 44) + fragment(nh, 0, 0, identity) + body)
    whole = chain(nh, body)
    yield "first fragment of 8 bytes", whole(8)
    yield "cut after 16 bytes", whole(16)
    yield "fragments in reverse order", whole(8)[::-1]
    yield "three tiny fragments", whole(8, 16)
    hidden = chain(60, options(24, nh) + body)
    yield "header chain split by fragments", hidden(24)
    yield "tiny first fragment, options alone", hidden(8)
    yield "split chain in reverse order", hidden(24)[::-1]
    large = chain(60, options(1000, nh) + body)
    yield "1,000-byte options fill the first fragment", large(1000)
    yield "1,000-byte options in two fragments", large(504, 1000)
    hop = chain(60, options(16, nh) + body)
    yield "hop-by-hop before split fragments", [
        m.frame(0, options(8, 44) + f[14 + 40:], label) for f in hop(16)]
    # Overlaps: a harmless echo first, then the message over it; and the other way round.
    echo = sum_icmp(m.source, m.destination, b"\x80\0\0\0" + struct.pack("!HH", 1, 1) + bytes(max(8, (len(body) + 7) // 8 * 8 - 8)))
    yield "overlapping fragments, harmless first", [
        m.frame(44, fragment(58, 0, 1, identity) + echo[:16], label),
        m.frame(44, fragment(nh, 0, 1, identity) + body[:16], label),
        m.frame(44, fragment(nh, 16, 0, identity) + body[16:], label)]
    yield "overlapping fragments, message first", [
        m.frame(44, fragment(nh, 0, 1, identity) + body[:16], label),
        m.frame(44, fragment(58, 0, 1, identity) + echo[:16], label),
        m.frame(44, fragment(nh, 16, 0, identity) + body[16:], label)]
    yield "overlap by 8 bytes", [
        m.frame(44, fragment(nh, 0, 1, identity) + body[:16], label),
        m.frame(44, fragment(nh, 8, 0, identity) + body[8:], label)]
    packet = m.packet(nh, body, label)
    ends = mac_bytes(m.mac) + mac_bytes(m.guest.mac)

    def layer2(name, raw):
        return name, [ends + raw]

    tag0, tag100 = b"\x81\0\0\0", b"\x81\0\0\x64"
    snap = b"\xaa\xaa\x03\0\0\0\x86\xdd"
    size = struct.pack("!H", len(snap) + len(packet))
    yield layer2("VLAN 0", tag0 + b"\x86\xdd" + packet)
    yield layer2("VLAN 0 with priority 7", b"\x81\0\xe0\0" + b"\x86\xdd" + packet)
    yield layer2("VLAN 0 twice", tag0 + tag0 + b"\x86\xdd" + packet)
    yield layer2("VLAN 100", tag100 + b"\x86\xdd" + packet)
    yield layer2("VLAN 0, then VLAN 100", tag0 + tag100 + b"\x86\xdd" + packet)
    yield layer2("QinQ", b"\x88\xa8\0\x0a" + tag100 + b"\x86\xdd" + packet)
    yield layer2("802.1ad tag 0", b"\x88\xa8\0\0" + b"\x86\xdd" + packet)
    yield layer2("QinQ of 0x9100", b"\x91\0\0\x0a" + tag100 + b"\x86\xdd" + packet)
    yield layer2("LLC/SNAP", size + snap + packet)
    yield layer2("LLC/SNAP, length too small", b"\0\x10" + snap + packet)
    yield layer2("LLC/SNAP, length too large", b"\x05\xdc" + snap + packet)
    yield layer2("LLC/SNAP, length 0", b"\0\0" + snap + packet)
    yield layer2("LLC/SNAP, another organisation code", size + b"\xaa\xaa\x03\0\0\xf8\x86\xdd" + packet)
    yield layer2("VLAN 0 and LLC/SNAP", tag0 + size + snap + packet)
    yield layer2("VLAN 0 twice and LLC/SNAP", tag0 + tag0 + size + snap + packet)
    yield layer2("QinQ and LLC/SNAP", b"\x88\xa8\0\x0a" + tag100 + size + snap + packet)
    yield layer2("wrong 802.3 length, no LLC", b"\x05\x00" + packet)
    yield layer2("ethertype 0x0600", b"\x06\0" + packet)
    yield layer2("MPLS", b"\x88\x47" + b"\0\0\x01\xff" + packet)
    yield layer2("PPPoE session", b"\x88\x64\x11\0\0\x01" + struct.pack("!H", len(packet) + 2) + b"\0\x57" + packet)


def evasions(guest, scene):
    """Every message in every disguise."""
    for m in messages(guest, scene, 0xE000):
        for name, _ in disguises(m, 1):
            label = next(_numbers)
            # A prefix of its own for each advertisement, so that its effect is known from the victim's addresses.
            fresh = next(x for x in messages(guest, scene, label) if x.name == m.name)
            yield f"{m.name}: {name}", dict(disguises(fresh, label))[name]


def own_ports(guest, scene):
    """Spoofs: what a guest says that is not about itself."""
    victim, alice, gateway_mac = scene.guests["victim"], scene.guests["alice"], scene.gateway_mac
    stranger = "02:5e:ed:00:00:99"
    own, me = guest.global_address, guest.mac
    absent = scene.prefix + ":dead:dead:dead:dead"
    udp = lambda source, target=victim.global_address: bytes(IPv6(src=source, dst=target) / UDP(sport=7, dport=7) / b"kc")[40:]

    def echo(source, target, n):
        return sum_icmp(source, target, b"\x80\0\0\0" + struct.pack("!HH", n, n) + b"kcattack")

    def solicit(source, target, destination, option=None, flags=b""):
        body = b"\x87\0\0\0" + bytes(4) + address_bytes(target) + (b"\x01\x01" + mac_bytes(option) if option else b"") + flags
        return sum_icmp(source, destination, body)

    def advertise(source, target, destination, option, flags=0x20, code=0):
        body = b"\x88" + bytes([code]) + b"\0\0" + bytes([flags, 0, 0, 0]) + address_bytes(target)
        return sum_icmp(source, destination, body + (b"\x02\x01" + mac_bytes(option) if option else b""))

    def icmp(name, kind, body, source=None, destination=None, mac=None, code=0, limit=255):
        label = next(_numbers)
        src, dst = source or guest.link_local, destination or victim.link_local
        message = sum_icmp(src, dst, bytes([kind, code]) + b"\0\0" + body)
        return name, [ethernet(mac or victim.mac, me, ipv6(src, dst, 58, message, limit, label))]

    def packet(name, source, following, payload, *, mac=me, to=victim.mac, target=victim.global_address, limit=64):
        return name, [ethernet(to, mac, ipv6(source, target, following, payload, limit, next(_numbers)))]

    # To everybody: a bridge that believes the source would not forward to a destination it then thinks elsewhere.
    everybody = dict(to=ALL_NODES[0])
    yield packet("a stranger's MAC", own, 17, udp(own), mac=stranger, **everybody)
    yield packet("a neighbour's MAC", own, 17, udp(own), mac=alice.mac, **everybody)
    yield packet("a neighbour's MAC and address", alice.global_address, 17, udp(alice.global_address), mac=alice.mac, **everybody)
    yield packet("the router's MAC and address", "fe80::1", 58, echo("fe80::1", victim.link_local, 1), mac=gateway_mac,
                 target=victim.link_local, **everybody)
    yield packet("the router's MAC, an address from afar", "2001:db8:77::1", 17, udp("2001:db8:77::1"), mac=gateway_mac, **everybody)
    yield packet("the victim's own MAC", own, 17, udp(own), mac=victim.mac, **everybody)
    yield packet("a neighbour's address (UDP)", alice.global_address, 17, udp(alice.global_address))
    yield packet("a neighbour's link-local (UDP)", alice.link_local, 17, udp(alice.link_local))
    yield packet("a neighbour's address (TCP)", alice.global_address, 6, bytes.fromhex("00070007000000010000000050022000") + bytes(4))
    yield packet("a neighbour's address (echo)", alice.global_address, 58, echo(alice.global_address, victim.global_address, 2))
    yield packet("a neighbour's address (tunnel)", alice.global_address, 41, bytes(40))
    yield packet("a neighbour's address (fragment)", alice.global_address, 44, fragment(17, 0, 1, 77) + udp(alice.global_address) + bytes(6))
    yield packet("a neighbour's address (later fragment)", alice.global_address, 44, fragment(17, 64, 0, 78) + bytes(32))
    yield packet("nobody's address in the segment", absent, 17, udp(absent))
    yield packet("an address of elsewhere", "2001:db8:77::9", 17, udp("2001:db8:77::9"))
    yield packet("the loopback address", "::1", 17, udp("::1"))
    yield packet("a group as source", "ff02::1", 58, echo("ff02::1", victim.global_address, 3))
    yield packet("the unspecified source (UDP)", "::", 17, udp("::"))
    yield packet("the unspecified source (echo)", "::", 58, echo("::", victim.global_address, 4))
    yield packet("an IPv4-mapped source", "::ffff:192.0.2.1", 17, udp("::ffff:192.0.2.1"))
    # Neighbour discovery about others.
    nd = dict(limit=255)
    yield packet("solicitation with another's link-layer address", guest.link_local, 58,
                 solicit(guest.link_local, victim.link_local, victim.link_local, alice.mac), target=victim.link_local, **nd)
    yield packet("solicitation in a neighbour's name", alice.link_local, 58,
                 solicit(alice.link_local, victim.link_local, victim.link_local, me), target=victim.link_local, **nd)
    yield packet("solicitation with a second option", guest.link_local, 58,
                 solicit(guest.link_local, victim.link_local, victim.link_local, me, b"\x01\x01" + mac_bytes(alice.mac)),
                 target=victim.link_local, **nd)
    yield packet("advertisement of a neighbour's address", guest.link_local, 58,
                 advertise(guest.link_local, alice.global_address, victim.link_local, me), target=victim.link_local, **nd)
    yield packet("advertisement of the router's address", guest.link_local, 58,
                 advertise(guest.link_local, "fe80::1", victim.link_local, me), target=victim.link_local, **nd)
    yield packet("advertisement in the router's name", "fe80::1", 58,
                 advertise("fe80::1", "fe80::1", victim.link_local, me, 0xA0), target=victim.link_local, **nd)
    yield packet("advertisement of the own address, as a router", guest.link_local, 58,
                 advertise(guest.link_local, guest.link_local, victim.link_local, me, 0xA0), target=victim.link_local, **nd)
    yield packet("advertisement of the own address, another's link-layer address", guest.link_local, 58,
                 advertise(guest.link_local, guest.link_local, victim.link_local, alice.mac), target=victim.link_local, **nd)
    yield packet("advertisement with code 1", guest.link_local, 58,
                 advertise(guest.link_local, alice.global_address, victim.link_local, me, code=1), target=victim.link_local, **nd)
    yield packet("advertisement that the router is none", "fe80::1", 58,
                 advertise("fe80::1", "fe80::1", victim.link_local, gateway_mac, 0x20), target=victim.link_local, **nd)
    # Messages that no guest sends.
    yield icmp("too big about another's packet", 2, struct.pack("!I", 1280) + ipv6(victim.global_address, alice.global_address, 17, bytes(8)),
               source=own, destination=victim.global_address)
    yield icmp("unreachable about another's packet", 1, bytes(4) + ipv6(victim.global_address, alice.global_address, 17, bytes(8)),
               source=own, destination=victim.global_address)
    yield icmp("redirect in the router's name", 137, bytes(4) + address_bytes(guest.link_local) + address_bytes("2001:db8:77::1"), source="fe80::1")
    yield icmp("router advertisement in the router's name, lifetime 0", 134, b"\x40\0" + bytes(10), source="fe80::1")
    yield icmp("router solicitation with a neighbour's link-layer address", 133, bytes(4) + b"\x01\x01" + mac_bytes(alice.mac),
               destination="ff02::2", mac="33:33:00:00:00:02")
    yield icmp("MLDv1 query", 130, struct.pack("!HH", 1, 0) + bytes(16), destination="ff02::1", mac="33:33:00:00:00:01", limit=1)
    yield icmp("multicast router advertisement", 151, bytes(4), destination="ff02::6a", mac="33:33:00:00:00:6a", limit=1)
    for kind, what in ((138, "router renumbering"), (139, "node information query"), (141, "inverse ND solicitation"),
                       (142, "inverse ND advertisement"), (144, "home agent discovery"), (146, "mobile prefix solicitation"),
                       (148, "certification path solicitation"), (149, "certification path advertisement"), (155, "RPL control"),
                       (157, "duplicate address request"), (200, "private experimentation"), (255, "reserved type 255")):
        yield icmp(what, kind, bytes(20))
    # Other protocols.
    arp = b"\0\x01\x08\0\x06\x04\0\x02" + mac_bytes(me) + bytes([192, 0, 2, 1]) + mac_bytes(victim.mac) + bytes([192, 0, 2, 2])
    ipv4 = bytes.fromhex("4500001c00010000401166cd0a0000010a000002") + bytes.fromhex("0007000700080000")
    label = struct.pack("!I", next(_numbers))
    for what, kind, body in (("ARP", 0x0806, arp), ("IPv4", 0x0800, ipv4), ("RARP", 0x8035, arp), ("EAPOL", 0x888E, b"\x01\x01\0\0"),
                             ("local experimental ethertype", 0x88B5, b"kc"),
                             ("IPv6 cut short", 0x86DD, ipv6(own, victim.global_address, 17, udp(own))[:50]),
                             ("loopback protocol", 0x9000, bytes(4))):
        yield what, [ethernet(victim.mac, me, body + label, kind)]


def next_label():
    """A flow label that no other frame of this run has."""
    return next(_numbers)
