/// The header of a DHCPv6 message between client and server (RFC 8415 section 8) and its options as bytes.
package struct DHCPv6Header: Hashable, Sendable {
    /// Solicit 1, advertise 2, request 3, reply 7, … (RFC 8415 section 7.3). Relay messages (12, 13) have another
    /// header and are refused.
    package var type: UInt8
    /// 24 bits.
    package var transaction: UInt32
    package var options: [Option]

    package struct Option: Hashable, Sendable {
        package var code: UInt16
        package var data: [UInt8]

        package init(_ code: UInt16, _ data: [UInt8]) {
            self.code = code
            self.data = data
        }
    }

    /// Where clients and servers listen (RFC 8415 section 7.2).
    package static let clientPort: UInt16 = 546
    package static let serverPort: UInt16 = 547

    package init(type: UInt8, transaction: UInt32, _ options: [Option] = []) {
        self.type = type
        self.transaction = transaction & 0xff_ffff
        self.options = options
    }

    package var bytes: [UInt8] {
        var bytes = [type]
        bytes.append(uint24: transaction)
        for option in options {
            bytes.append(option.code)
            bytes.append(UInt16(truncatingIfNeeded: option.data.count))
            bytes += option.data
        }
        return bytes
    }

    /// Reads the payload of a UDP datagram; offsets in errors count from its first byte.
    package init(parsing bytes: [UInt8]) throws(FrameError) {
        var reader = ByteReader(bytes[...], .dhcpv6)
        let type = try reader.uint8()
        guard type != 12, type != 13 else { throw FrameError(.dhcpv6, .value(Int(type)), at: 0) }
        let transaction = try reader.uint24()
        var options: [Option] = []
        while reader.left > 0 {
            let code = try reader.uint16()
            options.append(Option(code, try reader.array(Int(try reader.uint16()))))
        }
        self.init(type: type, transaction: transaction, options)
    }
}
