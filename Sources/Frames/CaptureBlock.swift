/// The blocks of a capture file that tshark and Wireshark open (pcapng, draft-ietf-opsawg-pcapng): a header, one
/// block for each device, then frames and at the end how many were lost. Little endian, link type Ethernet.
package enum CaptureBlock {
    /// The section header (section 4.1): the first block of a file.
    /// - Parameter comment: what was captured, for people.
    case section(comment: String)
    /// A device (section 4.2). Frames name it by its place among those before.
    case device(name: String, description: String, snapLength: Int)
    /// A frame (section 4.3); the time is in nanoseconds since 1970.
    case frame(device: Int, nanoseconds: UInt64, length: Int, isOutgoing: Bool, bytes: [UInt8])
    /// What a device has lost (section 4.6).
    case statistics(device: Int, nanoseconds: UInt64, lost: UInt64, comment: String?)

    package var bytes: [UInt8] {
        var body: [UInt8] = []
        switch self {
        case .section(let comment):
            body.little(UInt32(0x1a2b_3c4d))
            body.little(UInt16(1))
            body.little(UInt16(0))
            // The length of the section is not known while it is written.
            body.little(UInt64.max)
            body.option(.comment, Array(comment.utf8))
            body.option(.writer, Array("kcnet".utf8))
        case .device(let name, let description, let snapLength):
            body.little(Self.ethernet)
            body.little(UInt16(0))
            body.little(UInt32(truncatingIfNeeded: snapLength))
            body.option(.name, Array(name.utf8))
            body.option(.description, Array(description.utf8))
            // Units of 10⁻⁹ s.
            body.option(.resolution, [9])
        case .frame(let device, let nanoseconds, let length, let isOutgoing, let bytes):
            body.place(device, nanoseconds)
            body.little(UInt32(truncatingIfNeeded: bytes.count))
            body.little(UInt32(truncatingIfNeeded: max(length, bytes.count)))
            body.appendPadded(bytes)
            var flags: [UInt8] = []
            flags.little(UInt32(isOutgoing ? 2 : 1))
            body.option(.flags, flags)
        case .statistics(let device, let nanoseconds, let lost, let comment):
            body.place(device, nanoseconds)
            var count: [UInt8] = []
            count.little(lost)
            body.option(.lost, count)
            if let comment { body.option(.comment, Array(comment.utf8)) }
        }
        body.option(.end, [])
        var block: [UInt8] = []
        block.little(type)
        block.little(UInt32(body.count + 12))
        block += body
        block.little(UInt32(body.count + 12))
        return block
    }

    private var type: UInt32 {
        switch self {
        case .section: 0x0a0d_0d0a
        case .device: 1
        case .frame: 6
        case .statistics: 5
        }
    }

    /// LINKTYPE_ETHERNET (draft-ietf-opsawg-pcaplinktype).
    private static let ethernet: UInt16 = 1
}

/// Codes of options; those above 1 have their meaning by block (sections 3.5, 4.1 to 4.6).
private enum Option: UInt16 {
    case end = 0
    case comment = 1
    case name = 2
    case description = 3
    case writer = 4
    case lost = 5
    case resolution = 9

    /// Of a frame, the same code as a device's name.
    static let flags = Option.name
}

extension [UInt8] {
    /// Little endian; the other formats of this target are in network order.
    fileprivate mutating func little(_ value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
    }

    /// Filled up to a multiple of 4 bytes.
    fileprivate mutating func appendPadded(_ bytes: [UInt8]) {
        self += bytes
        self += [UInt8](repeating: 0, count: (4 - bytes.count % 4) % 4)
    }

    fileprivate mutating func option(_ option: Option, _ value: [UInt8]) {
        // Longer texts than an option can say are cut.
        let value = [UInt8](value.prefix(65_532))
        little(option.rawValue)
        little(UInt16(value.count))
        appendPadded(value)
    }

    /// A device and a time in two halves, the upper one first.
    fileprivate mutating func place(_ device: Int, _ nanoseconds: UInt64) {
        little(UInt32(truncatingIfNeeded: device))
        little(UInt32(nanoseconds >> 32))
        little(UInt32(truncatingIfNeeded: nanoseconds))
    }
}
