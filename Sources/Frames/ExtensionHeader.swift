/// One extension header of an IPv6 packet (RFC 8200 section 4, RFC 4302).
package enum ExtensionHeader: Hashable, Sendable {
    case hopByHop(HeaderOptions)
    case destinationOptions(HeaderOptions)
    /// - Parameter data: after Segments Left; 4 bytes, and 8 for each further unit of the length field.
    case routing(type: UInt8, segmentsLeft: UInt8, data: [UInt8])
    /// - Parameter offset: in units of 8 bytes, 13 bits.
    case fragment(offset: UInt16, more: Bool, identification: UInt32)
    /// - Parameter check: the integrity check value, a multiple of 4 bytes.
    case authentication(parameters: UInt32, sequence: UInt32, check: [UInt8])

    /// The Next Header value that announces it.
    package var number: UInt8 {
        switch self {
        case .hopByHop: NextHeader.hopByHop
        case .destinationOptions: NextHeader.destinationOptions
        case .routing: NextHeader.routing
        case .fragment: NextHeader.fragment
        case .authentication: NextHeader.authentication
        }
    }

    func bytes(next: UInt8) -> [UInt8] {
        switch self {
        case .hopByHop(let options), .destinationOptions(let options):
            let content = options.bytes
            return [next, UInt8(truncatingIfNeeded: (content.count + 2) / 8 - 1)] + content
        case .routing(let type, let segmentsLeft, let data):
            let padded = data + [UInt8](repeating: 0, count: max(4 - data.count, (12 - data.count % 8) % 8))
            return [next, UInt8(truncatingIfNeeded: (padded.count + 4) / 8 - 1), type, segmentsLeft] + padded
        case .fragment(let offset, let more, let identification):
            var bytes = [next, 0]
            bytes.append(offset << 3 | (more ? 1 : 0))
            bytes.append(identification)
            return bytes
        case .authentication(let parameters, let sequence, let check):
            let padded = check + [UInt8](repeating: 0, count: (4 - check.count % 4) % 4)
            var bytes = [next, UInt8(truncatingIfNeeded: (12 + padded.count) / 4 - 2), 0, 0]
            bytes.append(parameters)
            bytes.append(sequence)
            return bytes + padded
        }
    }

    /// Reads the header that `next` announces and leaves there what that header announces; nil when `next` announces
    /// no extension header.
    init?(announcedBy next: inout UInt8, _ reader: inout ByteReader) throws(FrameError) {
        let number = next
        switch number {
        case NextHeader.hopByHop, NextHeader.destinationOptions:
            reader.part = .headerOptions
            next = try reader.uint8()
            let count = Int(try reader.uint8()) * 8 + 6
            var content = try reader.reader(of: count, .headerOptions)
            let options = try HeaderOptions(&content)
            self = number == NextHeader.hopByHop ? .hopByHop(options) : .destinationOptions(options)
        case NextHeader.routing:
            reader.part = .routing
            next = try reader.uint8()
            let count = Int(try reader.uint8()) * 8 + 4
            self = .routing(
                type: try reader.uint8(), segmentsLeft: try reader.uint8(), data: try reader.array(count))
        case NextHeader.fragment:
            reader.part = .fragment
            next = try reader.uint8()
            _ = try reader.uint8()  // reserved
            let field = try reader.uint16()
            self = .fragment(offset: field >> 3, more: field & 1 == 1, identification: try reader.uint32())
        case NextHeader.authentication:
            reader.part = .authentication
            next = try reader.uint8()
            let start = reader.offset
            let units = Int(try reader.uint8())
            guard units >= 1 else { throw FrameError(.authentication, .length(field: units, room: 1), at: start) }
            _ = try reader.uint16()  // reserved
            self = .authentication(
                parameters: try reader.uint32(), sequence: try reader.uint32(),
                check: try reader.array((units + 2) * 4 - 12))
        default: return nil
        }
    }
}
