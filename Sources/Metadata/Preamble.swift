package import Resources

/// The header of the PROXY protocol, version 2 (haproxy's doc/proxy-protocol.txt, section 2.2), with which a gateway's
/// proxy says whose connection it is. What a guest says comes after it, so that nothing a guest says is ever taken for it.
package enum Preamble: Hashable, Sendable {
    case guest(attachment: ResourceID)
    /// The proxy itself, which looks whether somebody is here.
    case local

    /// Whoever is at the other end is no proxy of a gateway.
    package struct Malformed: Error, Hashable, Sendable, CustomStringConvertible {
        package let description: String
    }

    private static let signature: [UInt8] = [
        0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a,
    ]
    /// Signature, version and command, family, length.
    private static let fixed = 16
    /// Two addresses and ports of IPv6.
    private static let addresses = 36
    /// The field with the attachment's id, as the gateway's proxy writes it.
    private static let attachmentType: UInt8 = 0xe0
    /// The gateway's proxy writes 114 octets behind the fixed ones.
    private static let longest = 1024

    /// Takes it from the front of what has come.
    /// - Returns: nil while it has not all come; `bytes` is as it was then.
    package static func take(from bytes: inout [UInt8]) throws(Malformed) -> Preamble? {
        let front = bytes.prefix(signature.count)
        guard front.elementsEqual(signature.prefix(front.count)) else {
            throw Malformed(description: "the connection does not begin with a header of PROXY v2")
        }
        guard bytes.count >= fixed else { return nil }
        let length = Int(bytes[14]) << 8 | Int(bytes[15])
        guard length <= longest else { throw Malformed(description: "the header says that it has \(length) octets") }
        guard bytes.count >= fixed + length else { return nil }
        let body = bytes[fixed..<(fixed + length)]
        let preamble: Preamble
        switch (bytes[12], bytes[13]) {
        case (0x20, _): preamble = .local
        case (0x21, 0x21): preamble = .guest(attachment: try attachment(body))
        default: throw Malformed(description: "the header is not of a TCP connection over IPv6")
        }
        bytes.removeFirst(fixed + length)
        return preamble
    }

    private static func attachment(_ body: ArraySlice<UInt8>) throws(Malformed) -> ResourceID {
        var rest = body.dropFirst(addresses)
        var found: [ResourceID] = []
        while let type = rest.popFirst() {
            guard let high = rest.popFirst(), let low = rest.popFirst() else { break }
            let length = Int(high) << 8 | Int(low)
            guard rest.count >= length else { throw Malformed(description: "a field of the header is cut off") }
            let value = rest.prefix(length)
            rest = rest.dropFirst(length)
            guard type == attachmentType else { continue }
            guard let id = ResourceID(String(decoding: value, as: UTF8.self)) else {
                throw Malformed(description: "the header's attachment is no id")
            }
            found.append(id)
        }
        guard found.count == 1 else { throw Malformed(description: "the header names \(found.count) attachments") }
        return found[0]
    }
}
