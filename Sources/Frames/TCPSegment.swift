import Addressing

/// One TCP segment (RFC 9293 section 3.1).
package struct TCPSegment: Hashable, Sendable {
    package var sourcePort: UInt16
    package var destinationPort: UInt16
    package var sequence: UInt32
    package var acknowledgement: UInt32
    package var flags: Flags
    package var window: UInt16
    package var urgent: UInt16
    /// Uninterpreted; at most 40 bytes, filled with zeros to a multiple of 4.
    package var options: [UInt8]
    package var payload: [UInt8]
    package var checksum: Checksum

    package init(
        from source: UInt16, to destination: UInt16, _ flags: Flags, sequence: UInt32 = 0, acknowledgement: UInt32 = 0,
        window: UInt16 = 65535, urgent: UInt16 = 0, options: [UInt8] = [], _ payload: [UInt8] = [],
        checksum: Checksum = .right
    ) {
        self.sourcePort = source
        self.destinationPort = destination
        self.sequence = sequence
        self.acknowledgement = acknowledgement
        self.flags = flags
        self.window = window
        self.urgent = urgent
        self.options = options
        self.payload = payload
        self.checksum = checksum
    }

    /// The control bits.
    package struct Flags: OptionSet, Hashable, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }
        package static let fin = Flags(rawValue: 0x01)
        package static let syn = Flags(rawValue: 0x02)
        package static let rst = Flags(rawValue: 0x04)
        package static let psh = Flags(rawValue: 0x08)
        package static let ack = Flags(rawValue: 0x10)
    }

    func bytes(from source: IPv6Address, to destination: IPv6Address) -> [UInt8] {
        let padded = options + [UInt8](repeating: 0, count: (4 - options.count % 4) % 4)
        var bytes: [UInt8] = []
        bytes.append(sourcePort)
        bytes.append(destinationPort)
        bytes.append(sequence)
        bytes.append(acknowledgement)
        bytes += [UInt8(truncatingIfNeeded: (5 + padded.count / 4) << 4), flags.rawValue]
        bytes.append(window)
        bytes += [0, 0]
        bytes.append(urgent)
        bytes += padded + payload
        let field =
            switch checksum {
            case .right:
                Checksum.value(source: source, destination: destination, protocol: NextHeader.tcp, message: bytes)
            case .wrong(let value): value
            }
        bytes[16] = UInt8(field >> 8)
        bytes[17] = UInt8(field & 0xff)
        return bytes
    }

    init(_ reader: inout ByteReader, from source: IPv6Address, to destination: IPv6Address) throws(FrameError) {
        reader.part = .tcp
        let start = reader.offset
        var whole = reader
        var message = whole.rest()
        let sourcePort = try reader.uint16()
        let destinationPort = try reader.uint16()
        let sequence = try reader.uint32()
        let acknowledgement = try reader.uint32()
        let header = Int(try reader.uint8() >> 4) * 4
        let flags = Flags(rawValue: try reader.uint8())
        let window = try reader.uint16()
        let field = try reader.uint16()
        let urgent = try reader.uint16()
        guard header >= 20, header <= message.count else {
            throw FrameError(.tcp, .length(field: header, room: message.count), at: start + 12)
        }
        message[16] = 0
        message[17] = 0
        let right = Checksum.value(
            source: source, destination: destination, protocol: NextHeader.tcp, message: message)
        self.init(
            from: sourcePort, to: destinationPort, flags, sequence: sequence, acknowledgement: acknowledgement,
            window: window, urgent: urgent, options: try reader.array(header - 20), reader.rest(),
            checksum: field == right ? .right : .wrong(field))
    }
}
