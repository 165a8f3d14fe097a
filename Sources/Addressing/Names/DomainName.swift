/// A name in the DNS (RFC 1035 section 3.1), absolute, in lower case.
///
/// RFC 2181 section 11 lets a label be any octets; KC takes letters, digits, hyphens and underscores (RFC 1123 section
/// 2.1, RFC 8552), and `*` as the whole leftmost label of an owner (RFC 4592). Nothing else can be in a value of this
/// type, so its text may stand in a zone file or a configuration as it is. An international name is written as its
/// A-labels (`xn--…`).
package struct DomainName: Hashable, Sendable {
    /// From the leftmost; empty: the root.
    package let labels: [String]

    private init(unchecked labels: [String]) { self.labels = labels }

    package static let root = DomainName(unchecked: [])

    /// In octets on the wire, the root's included (RFC 1035 section 2.3.4).
    package static let longest = 255
    package static let longestLabel = 63

    /// Octets on the wire.
    package var length: Int { labels.reduce(1) { $0 + 1 + $1.utf8.count } }

    package var isRoot: Bool { labels.isEmpty }
    package var isWildcard: Bool { labels.first == "*" }

    /// Whether it is `other` or below it.
    package func isWithin(_ other: DomainName) -> Bool { labels.suffix(other.labels.count) == other.labels[...] }

    /// The labels before those of `other`; nil when it is not within it.
    package func labels(below other: DomainName) -> [String]? {
        isWithin(other) ? Array(labels.dropLast(other.labels.count)) : nil
    }

    /// The name with labels put before it.
    /// - Throws: when one of them is no label, or all together are too long.
    package func prepending(_ labels: [String]) throws(AddressingError) -> DomainName {
        let text = (labels + self.labels).joined(separator: ".")
        for (index, label) in labels.enumerated() { try Self.check(label, isFirst: index == 0, of: text) }
        let name = DomainName(unchecked: labels.map { $0.lowercased() } + self.labels)
        guard name.length <= Self.longest else { throw Self.refuse(text, "is longer than \(Self.longest) octets") }
        return name
    }

    fileprivate static func refuse(_ text: some StringProtocol, _ rule: String) -> AddressingError {
        AddressingError(type: "domain name", value: text, rule: rule)
    }

    fileprivate static func check(_ label: some StringProtocol, isFirst: Bool, of text: some StringProtocol)
        throws(AddressingError)
    {
        guard !label.isEmpty else { throw refuse(text, "has an empty label") }
        guard label.utf8.count <= longestLabel else { throw refuse(text, "has a label of more than 63 octets") }
        if isFirst, label == "*" { return }
        guard label.utf8.allSatisfy(isLabelOctet) else {
            throw refuse(text, "has something else than letters, digits, '-', '_' and dots between labels")
        }
        guard !label.hasPrefix("-"), !label.hasSuffix("-") else {
            throw refuse(text, "has a label that begins or ends with '-'")
        }
    }

    private static func isLabelOctet(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}

extension DomainName: CustomStringConvertible {
    /// Without the last dot; "." for the root.
    package var description: String { labels.isEmpty ? "." : labels.joined(separator: ".") }

    /// With the last dot, as zone files want it.
    package var absolute: String { labels.isEmpty ? "." : description + "." }

    /// Parses a whole name; the last dot may be there or not, and "." is the root.
    package init(parsing text: some StringProtocol) throws(AddressingError) {
        if text == "." {
            self = .root
            return
        }
        guard text.utf8.count <= Self.longest else { throw Self.refuse(text, "is longer than 255 octets") }
        var parts = text.split(separator: ".", omittingEmptySubsequences: false)
        if parts.count > 1, parts.last?.isEmpty == true { parts.removeLast() }
        for (index, part) in parts.enumerated() { try Self.check(part, isFirst: index == 0, of: text) }
        self.init(unchecked: parts.map { $0.lowercased() })
        guard length <= Self.longest else { throw Self.refuse(text, "is longer than 255 octets") }
    }
}

extension DomainName: Comparable {
    /// The canonical order (RFC 4034 section 6.1): a name comes before those below it.
    package static func < (left: DomainName, right: DomainName) -> Bool {
        left.labels.reversed().lexicographicallyPrecedes(right.labels.reversed())
    }
}
