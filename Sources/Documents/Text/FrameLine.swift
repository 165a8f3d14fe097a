import Addressing

/// One line about the first bytes of a frame, for people. Reads as far as it goes: what was dropped is often not what
/// it claims to be, and only its beginning is known.
package enum FrameLine {
    /// "02:00:00:00:00:01 > 33:33:00:00:00:01  fe80::1 > ff02::1  icmpv6 router advertisement".
    package static func text(_ bytes: [UInt8]) -> String {
        guard let destination = mac(bytes, 0), let source = mac(bytes, 6), var type = number(bytes, 12) else {
            return "\(bytes.count) bytes, less than an Ethernet header"
        }
        var words = ["\(source) > \(destination)"]
        var offset = 14
        while type == 0x8100 || type == 0x88a8, let control = number(bytes, offset),
            let next = number(bytes, offset + 2)
        {
            words.append("vlan \(control & 0xfff)")
            offset += 4
            type = next
        }
        switch type {
        case 0x86dd: words.append(ipv6(bytes[min(offset, bytes.count)...]))
        case 0x0800: words.append("ipv4")
        case 0x0806: words.append("arp")
        case 0x8035: words.append("rarp")
        case ..<0x0600: words.append("802.3 frame of length \(type)")
        default: words.append("ethertype 0x\(hex(type))")
        }
        return words.joined(separator: "  ")
    }

    private static func ipv6(_ packet: ArraySlice<UInt8>) -> String {
        let bytes = Array(packet)
        guard bytes.count >= 40, let source = IPv6Address(bytes: bytes[8..<24]),
            let destination = IPv6Address(bytes: bytes[24..<40])
        else { return "ipv6, cut off" }
        var words = ["\(source) > \(destination) "]
        var next = bytes[6]
        var offset = 40
        // Hop-by-hop, routing, fragment, destination options (RFC 8200 section 4), authentication (RFC 4302).
        let names: [UInt8: String] = [0: "hop-by-hop", 43: "routing", 44: "fragment", 60: "options", 51: "ah"]
        while let name = names[next], words.count < 16 {
            words.append(name)
            guard offset + 8 <= bytes.count else { return words.joined(separator: " ") + " (cut off)" }
            let length =
                switch next {
                case 44: 8
                case 51: (Int(bytes[offset + 1]) + 2) * 4
                default: (Int(bytes[offset + 1]) + 1) * 8
                }
            if next == 44, let field = number(bytes, offset + 2), field >> 3 != 0 {
                return words.joined(separator: " ") + " at \(field >> 3 * 8) of \(protocolName(bytes[offset]))"
            }
            next = bytes[offset]
            offset += length
        }
        words.append(transport(next, bytes, offset))
        return words.joined(separator: " ")
    }

    private static func transport(_ next: UInt8, _ bytes: [UInt8], _ offset: Int) -> String {
        let name = protocolName(next)
        switch next {
        case 6, 17, 132, 136:
            guard let source = number(bytes, offset), let destination = number(bytes, offset + 2) else { return name }
            return "\(name) \(source) > \(destination)"
        case 58:
            guard offset < bytes.count else { return name }
            let target =
                (135...137).contains(bytes[offset]) && offset + 24 <= bytes.count
                ? IPv6Address(bytes: bytes[(offset + 8)..<(offset + 24)]) : nil
            return "\(name) \(messageName(bytes[offset]))" + (target.map { " of \($0)" } ?? "")
        default: return name
        }
    }

    private static func protocolName(_ number: UInt8) -> String {
        let names: [UInt8: String] = [
            4: "ipip", 6: "tcp", 17: "udp", 41: "ipv6", 47: "gre", 50: "esp", 58: "icmpv6", 59: "no next header",
            89: "ospf", 112: "vrrp", 132: "sctp", 136: "udplite",
        ]
        return names[number] ?? "protocol \(number)"
    }

    /// RFC 4443, 4861, 2710, 3810.
    private static func messageName(_ type: UInt8) -> String {
        let names: [UInt8: String] = [
            1: "unreachable", 2: "packet too big", 3: "time exceeded", 4: "parameter problem", 128: "echo request",
            129: "echo reply", 130: "mld query", 131: "mld report", 132: "mld done", 133: "router solicitation",
            134: "router advertisement", 135: "neighbour solicitation", 136: "neighbour advertisement",
            137: "redirect", 143: "mld report",
        ]
        return names[type] ?? "type \(type)"
    }

    private static func mac(_ bytes: [UInt8], _ offset: Int) -> MACAddress? {
        guard offset + 6 <= bytes.count else { return nil }
        return MACAddress(bytes: bytes[offset..<(offset + 6)])
    }

    private static func number(_ bytes: [UInt8], _ offset: Int) -> Int? {
        guard offset + 2 <= bytes.count else { return nil }
        return Int(bytes[offset]) << 8 | Int(bytes[offset + 1])
    }

    private static func hex(_ value: Int) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}
