import Addressing

extension PacketTranslator {
    /// An IPv4 packet from outside as the IPv6 packet that one of ours gets (RFC 7915 section 4).
    /// - Parameter whole: of a fragment of an echo, what its header's length field said before it was cut; nil when
    ///   nobody knows, and no such fragment is translated.
    package func toIPv6(_ bytes: [UInt8], whole: Int? = nil) throws(TranslationDrop) -> TranslatedPacket {
        let packet = PacketBytes(bytes: bytes)
        let chain = try HeaderChain(ipv4: packet, at: 0)
        guard let trafficClass = packet.uint8(1), let end = packet.uint16(2).map(Int.init),
            let hopLimit = packet.uint8(8),
            let source = packet.uint32(12).map(IPv4Address.init),
            let destination = packet.uint32(16).map(IPv4Address.init),
            chain.length <= end, end <= bytes.count
        else { throw .malformed }
        guard hopLimit > 0 else { throw .hopLimit }
        guard !Self.isNoHost(source) else { throw .source }
        guard rules.mayCarry(source) else { throw .notGlobal }
        guard let target = rules.ipv6(of: destination) else { throw .unmapped }
        let sender = rules.embedded(source)
        let isICMP = chain.transport == HeaderChain.Number.icmp
        let payload = end - chain.length
        var covered = payload
        if isICMP, chain.fragment != nil {
            guard let whole, whole >= chain.length + 8 else { throw .icmpFragment }
            covered = whole - chain.length
        }
        if isICMP, chain.isFirst {
            guard payload >= 8, let type = packet.uint8(chain.length) else { throw .malformed }
            if [3, 4, 5, 11, 12].contains(type) {
                guard chain.fragment == nil else { throw .icmpFragment }
                return try errorToIPv6(packet, chain, end: end, from: sender, to: target)
            }
            guard ICMPTranslation.echo(toICMPv6: type) != nil else { throw .icmpType }
        }
        var isWithoutChecksum = false
        if chain.transport == HeaderChain.Number.udp, chain.isFirst {
            guard payload >= 8, let checksum = packet.uint16(chain.length + 6) else { throw .malformed }
            isWithoutChecksum = checksum == 0
            if isWithoutChecksum, chain.fragment != nil { throw .zeroChecksum }
        }
        var draft = PacketDraft()
        draft.appendIPv6(
            chain, trafficClass: trafficClass, hopLimit: hopLimit, length: payload, source: sender, destination: target)
        let start = draft.count
        draft.packet.bytes += bytes[chain.length...]
        guard chain.isFirst else { return draft.result }
        if isICMP {
            try draft.mendEcho(
                at: start, toIPv6: true, from: OnesComplement(),
                to: .pseudo(sender, target, covered, HeaderChain.Number.icmpv6))
        } else if isWithoutChecksum {
            let sum = OnesComplement(draft.packet.bytes[start..<start + payload])
            let checksum = (sum + .pseudo(sender, target, payload, chain.transport)).checksum
            draft.packet.set(start + 6, checksum == 0 ? 0xffff : checksum)
        } else if let place = chain.checksumOffset {
            guard payload >= place + 2 else { throw .malformed }
            draft.mend(
                at: start + place, chain.transport, from: OnesComplement(source) + OnesComplement(destination),
                to: OnesComplement(sender) + OnesComplement(target))
        }
        return draft.result
    }

    private func errorToIPv6(
        _ packet: PacketBytes, _ chain: HeaderChain, end: Int, from sender: IPv6Address, to target: IPv6Address
    ) throws(TranslationDrop) -> TranslatedPacket {
        let start = chain.length
        let inner = start + 8
        let inside = try HeaderChain(ipv4: packet, at: inner)
        guard let trafficClass = packet.uint8(1), let hopLimit = packet.uint8(8), let type = packet.uint8(start),
            let code = packet.uint8(start + 1), let rest = packet.uint32(start + 4),
            let quotedClass = packet.uint8(inner + 1), let quotedLength = packet.uint16(inner + 2).map(Int.init),
            let quotedHops = packet.uint8(inner + 8), let from = packet.uint32(inner + 12).map(IPv4Address.init),
            let to = packet.uint32(inner + 16).map(IPv4Address.init)
        else { throw .malformed }
        guard let new = icmp.toICMPv6(ICMPTranslation.Head(type, code, rest), quoting: quotedLength) else {
            throw .icmpType
        }
        guard OnesComplement(packet.bytes[start..<end]).value == 0 else { throw .icmpChecksum }
        let isEcho = inside.transport == HeaderChain.Number.icmp
        if isEcho, inside.fragment != nil { throw .icmpFragment }
        guard let newSource = rules.ipv6(of: from) else { throw .unmapped }
        let newDestination = rules.embedded(to)
        var size = end - inner
        let said = Int(rest >> 16 & 255) * 4
        if !(type == 3 && code == 4), said != 0, said < size { size = said }
        let payload = quotedLength - inside.length
        guard size >= inside.length, payload >= 0 else { throw .malformed }
        let headers = 88 + (inside.fragment == nil ? 0 : 8)
        // No error is larger than the smallest path (RFC 4443 section 2.4 (c)).
        size = min(size, 1280 - headers + inside.length)

        var draft = PacketDraft()
        let whole = HeaderChain(transport: HeaderChain.Number.icmp)
        draft.appendIPv6(
            whole, trafficClass: trafficClass, hopLimit: hopLimit, length: headers - 40 + size - inside.length,
            source: sender, destination: target)
        draft.packet.bytes += [new.type, new.code, 0, 0]
        draft.packet.append(new.rest)
        draft.appendIPv6(
            inside, trafficClass: quotedClass, hopLimit: quotedHops, length: payload, source: newSource,
            destination: newDestination)
        draft.packet.bytes += packet.bytes[(inner + inside.length)..<(inner + size)]
        if inside.isFirst {
            if isEcho {
                try draft.mendEcho(
                    at: headers, toIPv6: true, from: OnesComplement(),
                    to: .pseudo(newSource, newDestination, payload, HeaderChain.Number.icmpv6))
            } else if let place = inside.checksumOffset {
                draft.mend(
                    at: headers + place, inside.transport, from: OnesComplement(from) + OnesComplement(to),
                    to: OnesComplement(newSource) + OnesComplement(newDestination))
            }
        }
        draft.closeICMP(
            at: 40, pseudo: .pseudo(sender, target, draft.count - 40, HeaderChain.Number.icmpv6))
        return draft.result
    }
}

extension HeaderChain {
    /// Of a packet that is no fragment.
    init(transport: UInt8) {
        length = 0
        self.transport = transport
    }
}
