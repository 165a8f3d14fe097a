import Addressing

extension PacketTranslator {
    /// An IPv6 packet from one of ours as the IPv4 packet that leaves (RFC 7915 section 5).
    /// - Parameter whole: of a fragment of an echo, what its header's length field said before it was cut; nil when
    ///   nobody knows, and no such fragment is translated.
    package func toIPv4(_ bytes: [UInt8], whole: Int? = nil) throws(TranslationDrop) -> TranslatedPacket {
        let packet = PacketBytes(bytes: bytes)
        guard let head = packet.uint32(0), head >> 28 == 6, let length = packet.uint16(4),
            let hopLimit = packet.uint8(7),
            let source = packet.address(8), let destination = packet.address(24)
        else { throw .malformed }
        guard let target = rules.extracted(from: destination) else { throw .destination }
        guard hopLimit > 0 else { throw .hopLimit }
        guard Self.isForwardable(source), rules.extracted(from: source) == nil else { throw .source }
        guard !Self.isNoHost(target) else { throw .destination }
        guard rules.mayCarry(target) else { throw .notGlobal }
        let chain = try HeaderChain(ipv6: packet, at: 0)
        let end = 40 + Int(length)
        guard chain.length <= end, end <= bytes.count else { throw .malformed }
        let isICMP = chain.transport == HeaderChain.Number.icmpv6
        var isError = false
        if isICMP, chain.isFirst {
            guard let type = packet.uint8(chain.length) else { throw .malformed }
            isError = type < 128
        }
        guard let sender = rules.ipv4(of: source) ?? (isError ? rules.own : nil) else { throw .unmapped }
        let isPart = chain.fragment.map { !$0.isAtomic } ?? false
        if isICMP {
            guard !isPart || (whole ?? 0) >= 8 else { throw .icmpFragment }
            guard !chain.isFirst || end - chain.length >= 8 else { throw .malformed }
        }
        if isError {
            guard !isPart else { throw .icmpFragment }
            return try errorToIPv4(packet, chain, end: end, from: sender, to: target)
        }
        let payload = end - chain.length
        var draft = PacketDraft()
        draft.appendIPv4(
            chain, trafficClass: UInt8(head >> 20 & 255), hopLimit: hopLimit, length: 20 + payload, source: sender,
            destination: target, isFree: true)
        draft.packet.bytes += bytes[chain.length...]
        guard chain.isFirst else { return draft.result }
        if isICMP {
            try draft.mendEcho(
                at: 20, toIPv6: false,
                from: .pseudo(source, destination, isPart ? whole ?? 0 : payload, HeaderChain.Number.icmpv6),
                to: OnesComplement())
        } else if let place = chain.checksumOffset {
            guard payload >= place + 2 else { throw .malformed }
            draft.mend(
                at: 20 + place, chain.transport, from: OnesComplement(source) + OnesComplement(destination),
                to: OnesComplement(sender) + OnesComplement(target))
        }
        return draft.result
    }

    private func errorToIPv4(
        _ packet: PacketBytes, _ chain: HeaderChain, end: Int, from sender: IPv4Address, to target: IPv4Address
    ) throws(TranslationDrop) -> TranslatedPacket {
        let start = chain.length
        let inner = start + 8
        guard let head = packet.uint32(0), let hopLimit = packet.uint8(7), let source = packet.address(8),
            let destination = packet.address(24), let type = packet.uint8(start), let code = packet.uint8(start + 1),
            let rest = packet.uint32(start + 4), let quoted = packet.uint32(inner), quoted >> 28 == 6,
            let quotedLength = packet.uint16(inner + 4), let quotedHops = packet.uint8(inner + 7),
            let from = packet.address(inner + 8), let to = packet.address(inner + 24)
        else { throw .malformed }
        guard let new = icmp.toICMPv4(ICMPTranslation.Head(type, code, rest)) else { throw .icmpType }
        let sum = OnesComplement(packet.bytes[start..<end])
        guard (sum + .pseudo(source, destination, end - start, HeaderChain.Number.icmpv6)).value == 0 else {
            throw .icmpChecksum
        }
        let inside = try HeaderChain(ipv6: packet, at: inner)
        let isEcho = inside.transport == HeaderChain.Number.icmpv6
        if isEcho, inside.fragment != nil { throw .icmpFragment }
        guard let newSource = rules.extracted(from: from), let newDestination = rules.ipv4(of: to) else {
            throw .unmapped
        }
        var size = end - inner
        let said = Int(rest >> 24) * 8
        if type == 1 || type == 3, said != 0, said < size { size = said }
        let payload = 40 + Int(quotedLength) - inside.length
        guard size >= inside.length, payload >= 0 else { throw .malformed }

        var draft = PacketDraft()
        draft.appendIPv4(
            chain, trafficClass: UInt8(head >> 20 & 255), hopLimit: hopLimit, length: 48 + size - inside.length,
            source: sender, destination: target, isFree: true)
        draft.packet.bytes += [new.type, new.code, 0, 0]
        draft.packet.append(new.rest)
        let free = draft.freeIdentification
        draft.appendIPv4(
            inside, trafficClass: UInt8(quoted >> 20 & 255), hopLimit: quotedHops, length: 20 + payload,
            source: newSource, destination: newDestination, isFree: false)
        draft.freeIdentification = free
        draft.packet.bytes += packet.bytes[(inner + inside.length)..<(inner + size)]
        if inside.isFirst {
            if isEcho {
                try draft.mendEcho(
                    at: 48, toIPv6: false, from: .pseudo(from, to, payload, HeaderChain.Number.icmpv6),
                    to: OnesComplement())
            } else if let place = inside.checksumOffset {
                draft.mend(
                    at: 48 + place, inside.transport, from: OnesComplement(from) + OnesComplement(to),
                    to: OnesComplement(newSource) + OnesComplement(newDestination))
            }
        }
        draft.closeICMP(at: 20, pseudo: OnesComplement())
        return draft.result
    }
}
