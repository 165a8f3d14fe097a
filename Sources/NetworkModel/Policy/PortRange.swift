package import Resources

/// Transport ports from `first` to `last`, both included: "22", "8000-8010".
package struct PortRange: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// 1 to 65535.
    package let first: UInt16
    /// Not below `first`.
    package let last: UInt16

    package static let rule = "must be a port from 1 to 65535, or a range like 8000-8010"

    /// nil for a range that begins at 0 or ends before it begins.
    package init?(_ first: UInt16, _ last: UInt16) {
        guard first > 0, first <= last else { return nil }
        self.first = first
        self.last = last
    }

    /// Takes decimal digits only: no sign, no white space, no service name.
    package init?(_ text: some StringProtocol) {
        func port(_ text: some StringProtocol) -> UInt16? {
            guard (1...5).contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }) else {
                return nil
            }
            return UInt16(text)
        }
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let first = port(parts[0]), let last = port(parts[parts.count - 1]) else {
            return nil
        }
        self.init(first, last)
    }

    package static func < (left: PortRange, right: PortRange) -> Bool {
        (left.first, left.last) < (right.first, right.last)
    }

    package var description: String { first == last ? "\(first)" : "\(first)-\(last)" }
}

extension PortRange: JSONCodable {
    /// A number is taken too, since that is how YAML reads a port.
    package init(json node: JSONNode, path: String) throws(FieldError) {
        let text: String
        if case .number(let number) = node.content { text = number } else { text = try String(json: node, path: path) }
        guard let range = PortRange(text) else { throw FieldError(field: path, value: text, rule: Self.rule) }
        self = range
    }
    package func write(to writer: inout JSONWriter) { writer.string(description) }
}
