package import Addressing
package import Resources

/// Where in a zone a record stands, as its writer says it: `@` (the top), labels below the top, or in a reverse zone an
/// address, or a prefix whose names somebody else serves.
package enum RecordName: Hashable, Sendable {
    case top
    /// Never empty, relative to the zone.
    case labels(DomainName)
    case prefix6(IPv6Prefix)
    case address4(IPv4Address)

    /// The whole name; nil where the name has no place in that zone, or is too long there.
    package func owner(in domain: DomainName) -> DomainName? {
        switch self {
        case .top: domain
        case .labels(let name): try? domain.prepending(name.labels)  // too long: no place
        case .prefix6(let prefix): DomainName.reverse(prefix).flatMap { $0.isWithin(domain) ? $0 : nil }
        case .address4(let address):
            DomainName.reverse(address).isWithin(domain) ? DomainName.reverse(address) : nil
        }
    }
}

extension RecordName: JSONCodable, CustomStringConvertible {
    package var description: String {
        switch self {
        case .top: "@"
        case .labels(let name): name.description
        case .prefix6(let prefix): prefix.length == 128 ? prefix.address.description : prefix.description
        case .address4(let address): address.description
        }
    }

    package init(parsing text: String) throws(AddressingError) {
        if text == "@" {
            self = .top
        } else if text.utf8.contains(UInt8(ascii: ":")) {
            self = .prefix6(
                text.utf8.contains(UInt8(ascii: "/"))
                    ? try IPv6Prefix(parsing: text)
                    : IPv6Prefix(containing: try IPv6Address(parsing: text), length: 128))
        } else if let address = IPv4Address(text) {
            self = .address4(address)
        } else {
            let name = try DomainName(parsing: text)
            guard !name.isRoot, text.utf8.last != UInt8(ascii: ".") else {
                throw AddressingError(
                    type: "name of a record", value: text,
                    rule: "ends with a dot, but names here are relative to the zone")
            }
            self = .labels(name)
        }
    }

    package init(json node: JSONNode, path: String) throws(FieldError) {
        let text = try String(json: node, path: path)
        do { try self.init(parsing: text) } catch { throw FieldError(field: path, error) }
    }

    package func write(to writer: inout JSONWriter) { writer.string(description) }
}
