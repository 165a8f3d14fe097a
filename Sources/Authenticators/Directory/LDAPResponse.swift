import SwiftASN1

/// What a directory answers (RFC 4511).
enum LDAPResponse: Equatable, Sendable {
    /// Of a bind, a search or an extended request: its end.
    case done(LDAPResult)
    /// One entry of a search.
    case entry(name: String, values: [[UInt8]])
    /// That there is more elsewhere; nobody goes there.
    case reference
}

/// Section 4.1.9: the code alone. What servers say beside it is theirs to log.
struct LDAPResult: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    let rawValue: Int

    static let success = Self(rawValue: 0)
    static let sizeLimitExceeded = Self(rawValue: 4)
    static let referral = Self(rawValue: 10)
    static let noSuchObject = Self(rawValue: 32)
    static let invalidDNSyntax = Self(rawValue: 34)
    static let inappropriateAuthentication = Self(rawValue: 48)
    static let invalidCredentials = Self(rawValue: 49)
    static let unwillingToPerform = Self(rawValue: 53)

    private static let names: [Self: String] = [
        .success: "success", .sizeLimitExceeded: "sizeLimitExceeded", .referral: "referral",
        .noSuchObject: "noSuchObject", .invalidDNSyntax: "invalidDNSyntax",
        .inappropriateAuthentication: "inappropriateAuthentication", .invalidCredentials: "invalidCredentials",
        .unwillingToPerform: "unwillingToPerform", Self(rawValue: 2): "protocolError",
        Self(rawValue: 8): "strongerAuthRequired", Self(rawValue: 13): "confidentialityRequired",
        Self(rawValue: 50): "insufficientAccessRights", Self(rawValue: 51): "busy", Self(rawValue: 52): "unavailable",
    ]

    var description: String { Self.names[self].map { "\($0) (\(rawValue))" } ?? "result code \(rawValue)" }
}

/// A message that is none, or none that was asked for.
struct LDAPFormError: Error {}

extension LDAPResponse {
    /// - Parameter message: one whole message.
    static func parse(_ message: [UInt8]) throws(LDAPFormError) -> (id: Int, response: LDAPResponse) {
        do {
            let root = try BER.parse(message)
            guard root.identifier == .sequence, case .constructed(let parts) = root.content else {
                throw LDAPFormError()
            }
            var fields = parts.makeIterator()
            guard let id = fields.next(), let operation = fields.next() else { throw LDAPFormError() }
            return (try Int(berEncoded: id), try response(operation))
        } catch { throw LDAPFormError() }
    }

    private static func response(_ operation: ASN1Node) throws -> LDAPResponse {
        guard operation.identifier != .application(19) else { return .reference }
        guard case .constructed(let parts) = operation.content else { throw LDAPFormError() }
        var fields = parts.makeIterator()
        switch operation.identifier {
        case .application(1), .application(5), .application(24):
            guard let code = fields.next(), code.identifier == .enumerated, case .primitive(let bytes) = code.content,
                bytes.count == 1, let value = bytes.first
            else { throw LDAPFormError() }
            return .done(LDAPResult(rawValue: Int(value)))
        case .application(4):
            guard let name = String(validating: try octets(fields.next()), as: UTF8.self),
                let attributes = fields.next()
            else { throw LDAPFormError() }
            // One attribute is asked for: whatever its description looks like in the answer, its values are these.
            var values: [[UInt8]] = []
            for attribute in try children(attributes) {
                var pair = try children(attribute).makeIterator()
                guard pair.next() != nil, let set = pair.next() else { throw LDAPFormError() }
                for value in try children(set) { values.append(Array(try octets(value))) }
            }
            return .entry(name: name, values: values)
        default: throw LDAPFormError()
        }
    }

    private static func octets(_ node: ASN1Node?) throws -> ArraySlice<UInt8> {
        guard let node, node.identifier == .octetString, case .primitive(let bytes) = node.content else {
            throw LDAPFormError()
        }
        return bytes
    }

    private static func children(_ node: ASN1Node) throws -> ASN1NodeCollection {
        guard case .constructed(let nodes) = node.content else { throw LDAPFormError() }
        return nodes
    }
}

/// Where one message ends in what has come.
enum LDAPFrame {
    /// Longer ones are of nobody who was asked for one attribute.
    static let maximumBytes = 262_144

    /// - Returns: the bytes of the first message; nil when it is not whole yet.
    /// - Throws: when it cannot become one: no SEQUENCE, a length of no or more than four bytes, too long.
    static func length(of bytes: some Collection<UInt8>) throws(LDAPFormError) -> Int? {
        var octets = bytes.makeIterator()
        guard let tag = octets.next() else { return nil }
        guard tag == 0x30 else { throw LDAPFormError() }
        guard let first = octets.next() else { return nil }
        var header = 2
        var length = Int(first)
        if first & 0x80 != 0 {
            let count = Int(first & 0x7f)
            guard (1...4).contains(count) else { throw LDAPFormError() }
            length = 0
            for _ in 0..<count {
                guard let octet = octets.next() else { return nil }
                length = length << 8 | Int(octet)
            }
            header += count
        }
        guard length <= maximumBytes else { throw LDAPFormError() }
        return bytes.count >= header + length ? header + length : nil
    }
}
