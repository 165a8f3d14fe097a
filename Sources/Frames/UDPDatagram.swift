import Addressing

/// One UDP datagram (RFC 768, RFC 8200 section 8.1).
package struct UDPDatagram: Hashable, Sendable {
    package var sourcePort: UInt16
    package var destinationPort: UInt16
    package var payload: [UInt8]
    package var checksum: Checksum

    package init(from source: UInt16, to destination: UInt16, _ payload: [UInt8], checksum: Checksum = .right) {
        self.sourcePort = source
        self.destinationPort = destination
        self.payload = payload
        self.checksum = checksum
    }

    func bytes(from source: IPv6Address, to destination: IPv6Address) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(sourcePort)
        bytes.append(destinationPort)
        bytes.append(UInt16(truncatingIfNeeded: 8 + payload.count))
        bytes += [0, 0] + payload
        let field =
            switch checksum {
            case .right:
                Checksum.value(source: source, destination: destination, protocol: NextHeader.udp, message: bytes)
            case .wrong(let value): value
            }
        bytes[6] = UInt8(field >> 8)
        bytes[7] = UInt8(field & 0xff)
        return bytes
    }

    init(_ reader: inout ByteReader, from source: IPv6Address, to destination: IPv6Address) throws(FrameError) {
        reader.part = .udp
        let start = reader.offset
        var whole = reader
        var message = whole.rest()
        let sourcePort = try reader.uint16()
        let destinationPort = try reader.uint16()
        let length = Int(try reader.uint16())
        let field = try reader.uint16()
        guard length == message.count else {
            throw FrameError(.udp, .length(field: length, room: message.count), at: start + 4)
        }
        message[6] = 0
        message[7] = 0
        let right = Checksum.value(
            source: source, destination: destination, protocol: NextHeader.udp, message: message)
        self.init(
            from: sourcePort, to: destinationPort, reader.rest(), checksum: field == right ? .right : .wrong(field))
    }
}
