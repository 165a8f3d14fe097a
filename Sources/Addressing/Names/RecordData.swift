/// The type of a resource record that users may write.
package enum RecordType: String, CaseIterable, Sendable, Comparable {
    case a = "A"
    case aaaa = "AAAA"
    case caa = "CAA"
    case cname = "CNAME"
    case mx = "MX"
    case ns = "NS"
    case ptr = "PTR"
    case srv = "SRV"
    case txt = "TXT"

    package static func < (left: RecordType, right: RecordType) -> Bool { left.rawValue < right.rawValue }
}

/// The data of one resource record, each field as its own type: the only way into a zone file.
package enum RecordData: Hashable, Sendable {
    case a(IPv4Address)
    case aaaa(IPv6Address)
    /// Certification Authority Authorization (RFC 8659 section 4.1): flags, a tag of 1 to 15 letters and digits, and a
    /// value of printable ASCII.
    case caa(flags: UInt8, tag: String, value: String)
    case cname(DomainName)
    case mx(preference: UInt16, DomainName)
    case ns(DomainName)
    case ptr(DomainName)
    /// RFC 2782.
    case srv(priority: UInt16, weight: UInt16, port: UInt16, DomainName)
    /// UTF-8 without control characters, at most `longestText` octets.
    case txt(String)

    package var type: RecordType {
        switch self {
        case .a: .a
        case .aaaa: .aaaa
        case .caa: .caa
        case .cname: .cname
        case .mx: .mx
        case .ns: .ns
        case .ptr: .ptr
        case .srv: .srv
        case .txt: .txt
        }
    }

    /// In octets: what fits a signed answer over TCP many times, and more than any key in use.
    package static let longestText = 4096
    /// CAA values are short (an authority's name with parameters).
    package static let longestValue = 255
}

extension RecordData: CustomStringConvertible {
    /// As users write it; names without the last dot, text as it is.
    package var description: String {
        switch self {
        case .a(let address): "\(address)"
        case .aaaa(let address): "\(address)"
        case .caa(let flags, let tag, let value): "\(flags) \(tag) \(value)"
        case .cname(let name), .ns(let name), .ptr(let name): "\(name)"
        case .mx(let preference, let name): "\(preference) \(name)"
        case .srv(let priority, let weight, let port, let name): "\(priority) \(weight) \(port) \(name)"
        case .txt(let text): text
        }
    }

    /// Parses what `description` gives. Names are whole ones, whether the last dot is there or not.
    package init(_ type: RecordType, parsing text: String) throws(AddressingError) {
        func refuse(_ rule: String) -> AddressingError {
            AddressingError(type: "\(type.rawValue) record", value: text, rule: rule)
        }
        func number<Number: FixedWidthInteger>(_ text: Substring, _ what: String) throws(AddressingError) -> Number {
            guard text.utf8.allSatisfy({ (48...57).contains($0) }), let number = Number(text) else {
                throw refuse("has a \(what) that is not a number from 0 to \(Number.max)")
            }
            return number
        }
        let fields = text.split(separator: " ", omittingEmptySubsequences: false)
        func demand(_ count: Int, _ form: String) throws(AddressingError) {
            guard fields.count == count else { throw refuse("has not the form '\(form)' with single spaces") }
        }
        func target(_ text: some StringProtocol) throws(AddressingError) -> DomainName {
            let name = try DomainName(parsing: text)
            guard !name.isWildcard else { throw refuse("must not name a wildcard") }
            return name
        }
        switch type {
        case .a: self = .a(try IPv4Address(parsing: text))
        case .aaaa: self = .aaaa(try IPv6Address(parsing: text))
        case .cname: self = .cname(try target(text))
        case .ns: self = .ns(try target(text))
        case .ptr: self = .ptr(try target(text))
        case .mx:
            try demand(2, "PREFERENCE HOST")
            self = .mx(preference: try number(fields[0], "preference"), try target(fields[1]))
        case .srv:
            try demand(4, "PRIORITY WEIGHT PORT HOST")
            self = .srv(
                priority: try number(fields[0], "priority"), weight: try number(fields[1], "weight"),
                port: try number(fields[2], "port"), try target(fields[3]))
        case .txt:
            guard text.utf8.count <= Self.longestText else { throw refuse("is longer than \(Self.longestText) octets") }
            guard text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && !(0x7f...0x9f).contains($0.value) }) else {
                throw refuse("has control characters")
            }
            self = .txt(text)
        case .caa:
            guard fields.count >= 3 else { throw refuse("has not the form 'FLAGS TAG VALUE' with single spaces") }
            let tag = String(fields[1])
            guard (1...15).contains(tag.utf8.count),
                tag.utf8.allSatisfy({ (48...57).contains($0) || (97...122).contains($0) })
            else { throw refuse("has a tag that is not 1 to 15 lower-case letters and digits (RFC 8659 section 4.1)") }
            let value = fields[2...].joined(separator: " ")
            guard value.utf8.count <= Self.longestValue, value.utf8.allSatisfy({ (0x20...0x7e).contains($0) }) else {
                throw refuse("has a value that is not at most \(Self.longestValue) printable ASCII characters")
            }
            self = .caa(flags: try number(fields[0], "flags field"), tag: tag, value: value)
        }
    }
}
