/// The options of a Hop-by-Hop or Destination Options header (RFC 8200 section 4.2), padded so that the header ends at
/// a multiple of 8 bytes. The header holds at most 2,046 bytes of them; what is longer makes its length field wrong.
package struct HeaderOptions: Hashable, Sendable {
    package let list: [HeaderOption]

    /// Adds the padding that is missing at the end.
    package init(_ options: [HeaderOption]) {
        let room = (8 - (2 + options.reduce(0) { $0 + $1.bytes.count }) % 8) % 8
        switch room {
        case 0: list = options
        case 1: list = options + [.pad1]
        default: list = options + [.padN([UInt8](repeating: 0, count: room - 2))]
        }
    }

    /// A header of this many bytes in all (rounded up to a multiple of 8) that holds padding alone.
    package static func padding(_ count: Int) -> HeaderOptions {
        var left = max(8, (count + 7) / 8 * 8) - 2
        var options: [HeaderOption] = []
        while left > 0 {
            let piece = left == 1 ? 1 : min(left, left - 257 == 1 ? 256 : 257)
            options.append(piece == 1 ? .pad1 : .padN([UInt8](repeating: 0, count: piece - 2)))
            left -= piece
        }
        return HeaderOptions(options)
    }

    var bytes: [UInt8] { list.flatMap(\.bytes) }

    /// Reads all options up to the end of the header.
    init(_ reader: inout ByteReader) throws(FrameError) {
        var list: [HeaderOption] = []
        while reader.left > 0 {
            let type = try reader.uint8()
            if type == 0 {
                list.append(.pad1)
                continue
            }
            let data = try reader.array(Int(try reader.uint8()))
            switch type {
            case 1: list.append(.padN(data))
            case 5 where data.count == 2: list.append(.routerAlert(UInt16(data[0]) << 8 | UInt16(data[1])))
            default: list.append(.other(type: type, data))
            }
        }
        self.list = list
    }
}

/// One option of a Hop-by-Hop or Destination Options header.
package enum HeaderOption: Hashable, Sendable {
    /// One byte.
    case pad1
    /// Two bytes and these, which should be zero.
    case padN([UInt8])
    /// RFC 2711; 0 for MLD.
    case routerAlert(UInt16)
    /// At most 255 bytes.
    case other(type: UInt8, [UInt8])

    var bytes: [UInt8] {
        switch self {
        case .pad1: [0]
        case .padN(let data): [1, UInt8(truncatingIfNeeded: data.count)] + data
        case .routerAlert(let value): [5, 2, UInt8(value >> 8), UInt8(value & 0xff)]
        case .other(let type, let data): [type, UInt8(truncatingIfNeeded: data.count)] + data
        }
    }
}
