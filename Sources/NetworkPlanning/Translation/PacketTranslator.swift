import Addressing

/// The translation of RFC 7915 as a function from bytes to bytes: what the program in the kernel is held against, and
/// what says to people what becomes of a packet.
///
/// Packets begin with their network header; what follows behind their length is kept. A hop limit is copied: who
/// forwards the packet counts the hop.
package struct PacketTranslator: Sendable {
    package let rules: TranslationRules

    package init(_ rules: TranslationRules) { self.rules = rules }

    var icmp: ICMPTranslation { ICMPTranslation(ipv6MTU: rules.ipv6MTU, outerMTU: rules.outerMTU) }

    /// "This network", loopback, multicast and what is above (RFC 6890).
    static func isNoHost(_ address: IPv4Address) -> Bool {
        address.value >> 24 == 0 || address.value >> 24 == 127 || address.value >> 29 == 7
    }

    /// Neither multicast nor link-local, nor in ::/64.
    static func isForwardable(_ address: IPv6Address) -> Bool {
        !address.isMulticast && !address.isLinkLocal && address.high != 0
    }
}

/// Building one packet out of another.
struct PacketDraft {
    var packet = PacketBytes(bytes: [])
    var checksums: [Int] = []
    var freeIdentification: Int?

    var count: Int { packet.bytes.count }

    /// An IPv4 header without options (RFC 7915 section 5.1).
    mutating func appendIPv4(
        _ chain: HeaderChain, trafficClass: UInt8, hopLimit: UInt8, length: Int, source: IPv4Address,
        destination: IPv4Address, isFree: Bool
    ) {
        let start = count
        packet.bytes += [0x45, trafficClass]
        packet.append(UInt16(truncatingIfNeeded: length))
        if let fragment = chain.fragment {
            packet.append(UInt16(truncatingIfNeeded: fragment.identification))
            packet.append(fragment.offset & 0x1fff | (fragment.hasMore ? 0x2000 : 0))
        } else {
            if isFree { freeIdentification = count }
            packet.append(UInt16(0))
            packet.append(length <= 1260 ? UInt16(0) : 0x4000)
        }
        packet.bytes += [
            hopLimit, chain.transport == HeaderChain.Number.icmpv6 ? HeaderChain.Number.icmp : chain.transport,
        ]
        checksums.append(count)
        packet.append(UInt16(0))
        packet.append(source.value)
        packet.append(destination.value)
        closeIPv4(at: start)
    }

    mutating func closeIPv4(at start: Int) {
        packet.set(start + 10, UInt16(0))
        packet.set(start + 10, OnesComplement(packet.bytes[start..<start + 20]).checksum)
    }

    /// An IPv6 header, with a Fragment header for a fragment (RFC 7915 section 4.1). `length`: of what follows both.
    mutating func appendIPv6(
        _ chain: HeaderChain, trafficClass: UInt8, hopLimit: UInt8, length: Int, source: IPv6Address,
        destination: IPv6Address
    ) {
        let next = chain.transport == HeaderChain.Number.icmp ? HeaderChain.Number.icmpv6 : chain.transport
        packet.append(UInt32(0x6000_0000) | UInt32(trafficClass) << 20)
        packet.append(UInt16(truncatingIfNeeded: length + (chain.fragment == nil ? 0 : 8)))
        packet.bytes += [chain.fragment == nil ? next : HeaderChain.Number.fragment, hopLimit]
        packet.append(source)
        packet.append(destination)
        guard let fragment = chain.fragment else { return }
        packet.bytes += [next, 0]
        packet.append(fragment.offset << 3 | (fragment.hasMore ? 1 : 0))
        packet.append(fragment.identification)
    }

    /// Brings a checksum in step with a changed pseudo-header; one that is absent (UDP, 0) stays so.
    mutating func mend(at place: Int, _ transport: UInt8, from old: OnesComplement, to new: OnesComplement) {
        guard let before = packet.uint16(place) else { return }
        if transport == HeaderChain.Number.udp, before == 0 { return }
        var after = OnesComplement.update(before, from: old, to: new)
        if transport == HeaderChain.Number.udp, after == 0 { after = 0xffff }
        packet.set(place, after)
        if transport != HeaderChain.Number.udp { checksums.append(place) }
    }

    /// Turns an echo at `place` into that of the other family.
    mutating func mendEcho(at place: Int, toIPv6: Bool, from old: OnesComplement, to new: OnesComplement)
        throws(TranslationDrop)
    {
        guard let type = packet.uint8(place), let checksum = packet.uint16(place + 2) else { throw .malformed }
        guard let other = toIPv6 ? ICMPTranslation.echo(toICMPv6: type) : ICMPTranslation.echo(toICMPv4: type) else {
            throw .icmpType
        }
        packet.set(place, other)
        packet.set(
            place + 2,
            OnesComplement.update(
                checksum, from: old + OnesComplement(value: UInt64(type) << 8),
                to: new + OnesComplement(value: UInt64(other) << 8)))
        checksums.append(place + 2)
    }

    mutating func closeICMP(at start: Int, pseudo: OnesComplement) {
        packet.set(start + 2, UInt16(0))
        packet.set(start + 2, (OnesComplement(packet.bytes[start...]) + pseudo).checksum)
        checksums.append(start + 2)
    }

    var result: TranslatedPacket {
        TranslatedPacket(bytes: packet.bytes, checksums: checksums, freeIdentification: freeIdentification)
    }
}
