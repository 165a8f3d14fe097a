import SwiftASN1

/// What a directory is asked (RFC 4511), as much of it as telling who somebody is needs.
///
/// Names, passwords and filters are octet strings with a length: there is no text that a value could break out of.
enum LDAPRequest: Sendable {
    /// Section 4.2: with the name and its password, never with a mechanism.
    case bind(name: String, password: [UInt8])
    /// Section 4.5, without dereferencing.
    case search(base: String, scope: LDAPScope, filter: LDAPFilter, attribute: String, limit: Int)
    /// Section 4.14.
    case startTLS
    /// Section 4.3; has no answer.
    case unbind
}

enum LDAPScope: UInt8, Sendable {
    case oneLevel = 1
    case subtree = 2
}

/// Section 4.5.1.7.
indirect enum LDAPFilter: Sendable {
    case all([LDAPFilter])
    case equal(attribute: String, value: String)
}

extension LDAPRequest {
    /// For people.
    var name: String {
        switch self {
        case .bind: "a bind"
        case .search: "a search"
        case .startTLS: "StartTLS"
        case .unbind: "an unbind"
        }
    }

    private static let startTLSName = "1.3.6.1.4.1.1466.20037"

    /// The whole message: DER, which is BER.
    func encoded(id: Int) -> [UInt8] {
        var message = DER.Serializer()
        message.appendConstructedNode(identifier: .sequence) { message in
            message.ldapInteger(id)
            switch self {
            case .bind(let name, let password):
                message.appendConstructedNode(identifier: .application(0)) { bind in
                    bind.ldapInteger(3)
                    bind.ldapString(name)
                    bind.appendPrimitiveNode(identifier: .context(0)) { $0 += password }
                }
            case .search(let base, let scope, let filter, let attribute, let limit):
                message.appendConstructedNode(identifier: .application(3)) { search in
                    search.ldapString(base)
                    search.appendPrimitiveNode(identifier: .enumerated) { $0.append(scope.rawValue) }
                    // Aliases are never followed: they lead to what the operator did not name.
                    search.appendPrimitiveNode(identifier: .enumerated) { $0.append(0) }
                    search.ldapInteger(limit)
                    search.ldapInteger(0)
                    search.appendPrimitiveNode(identifier: .boolean) { $0.append(0) }
                    search.ldapFilter(filter)
                    search.appendConstructedNode(identifier: .sequence) { $0.ldapString(attribute) }
                }
            case .startTLS:
                message.appendConstructedNode(identifier: .application(23)) { extended in
                    extended.appendPrimitiveNode(identifier: .context(0)) { $0 += Array(Self.startTLSName.utf8) }
                }
            case .unbind: message.appendPrimitiveNode(identifier: .application(2)) { _ in }
            }
        }
        return message.serializedBytes
    }
}

extension ASN1Identifier {
    static func application(_ number: UInt) -> Self { Self(tagWithNumber: number, tagClass: .application) }
    static func context(_ number: UInt) -> Self { Self(tagWithNumber: number, tagClass: .contextSpecific) }
}

extension DER.Serializer {
    fileprivate mutating func ldapString(_ text: String) {
        appendPrimitiveNode(identifier: .octetString) { $0 += Array(text.utf8) }
    }

    /// A number of at most 31 bits, not negative.
    fileprivate mutating func ldapInteger(_ number: Int) {
        var bytes: [UInt8] = []
        var rest = number
        repeat {
            bytes.insert(UInt8(rest & 0xff), at: 0)
            rest >>= 8
        } while rest > 0
        if bytes[0] & 0x80 != 0 { bytes.insert(0, at: 0) }
        appendPrimitiveNode(identifier: .integer) { $0 += bytes }
    }

    fileprivate mutating func ldapFilter(_ filter: LDAPFilter) {
        switch filter {
        case .all(let parts):
            appendConstructedNode(identifier: .context(0)) { set in for part in parts { set.ldapFilter(part) } }
        case .equal(let attribute, let value):
            appendConstructedNode(identifier: .context(3)) { assertion in
                assertion.ldapString(attribute)
                assertion.ldapString(value)
            }
        }
    }
}
