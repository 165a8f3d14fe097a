package import Addressing

/// One option of a Neighbour Discovery message (RFC 4861 section 4.6).
package enum NDOption: Hashable, Sendable {
    /// Type 1.
    case sourceLinkLayer(MACAddress)
    /// Type 2.
    case targetLinkLayer(MACAddress)
    /// Type 3: flags (on-link 0x80, autonomous 0x40), lifetimes in seconds.
    case prefix(IPv6Address, length: UInt8, flags: UInt8, valid: UInt32, preferred: UInt32)
    /// Type 5.
    case mtu(UInt32)
    /// Type 14 (RFC 3971 section 5.3.2), 6 bytes for the enhanced DAD of RFC 7527; in all a multiple of 8 less 2.
    case nonce([UInt8])
    /// Any other: what follows the length field, a multiple of 8 bytes less 2 (filled with zeros otherwise).
    case other(type: UInt8, [UInt8])

    package var bytes: [UInt8] {
        switch self {
        case .sourceLinkLayer(let mac): return [1, 1] + mac.bytes
        case .targetLinkLayer(let mac): return [2, 1] + mac.bytes
        case .prefix(let prefix, let length, let flags, let valid, let preferred):
            var bytes: [UInt8] = [3, 4, length, flags]
            bytes.append(valid)
            bytes.append(preferred)
            return bytes + [0, 0, 0, 0] + prefix.bytes
        case .mtu(let mtu):
            var bytes: [UInt8] = [5, 1, 0, 0]
            bytes.append(mtu)
            return bytes
        case .nonce(let data): return Self.bytes(14, data)
        case .other(let type, let data): return Self.bytes(type, data)
        }
    }

    private static func bytes(_ type: UInt8, _ data: [UInt8]) -> [UInt8] {
        let padded = data + [UInt8](repeating: 0, count: (8 - (data.count + 2) % 8) % 8)
        return [type, UInt8(truncatingIfNeeded: (padded.count + 2) / 8)] + padded
    }

    /// Reads options to the end of the message.
    static func all(_ reader: inout ByteReader) throws(FrameError) -> [NDOption] {
        reader.part = .ndOption
        var options: [NDOption] = []
        while reader.left > 0 {
            let start = reader.offset
            let type = try reader.uint8()
            let units = Int(try reader.uint8())
            // A node must discard the whole message (RFC 4861 section 4.6).
            guard units > 0 else { throw FrameError(.ndOption, .length(field: 0, room: reader.left), at: start + 1) }
            guard units * 8 - 2 <= reader.left else {
                throw FrameError(.ndOption, .length(field: units * 8, room: reader.left + 2), at: start + 1)
            }
            var content = try reader.reader(of: units * 8 - 2, .ndOption)
            switch (type, units) {
            case (1, 1): options.append(.sourceLinkLayer(try content.mac()))
            case (2, 1): options.append(.targetLinkLayer(try content.mac()))
            case (3, 4):
                let length = try content.uint8()
                let flags = try content.uint8()
                let valid = try content.uint32()
                let preferred = try content.uint32()
                _ = try content.uint32()  // reserved
                options.append(
                    .prefix(try content.address(), length: length, flags: flags, valid: valid, preferred: preferred))
            case (5, 1):
                _ = try content.uint16()  // reserved
                options.append(.mtu(try content.uint32()))
            case (14, _): options.append(.nonce(content.rest()))
            default: options.append(.other(type: type, content.rest()))
            }
        }
        return options
    }
}
