package import Persistence
package import Resources

/// The query of a request; a name that the route does not know is refused, and so is one that stands twice.
package struct Query: Sendable {
    private var values: [String: String] = [:]

    package init() {}

    package init(_ text: some StringProtocol, allowed: [String]) throws(Problem) {
        for pair in text.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = percentDecoded(parts[0], plusIsSpace: true),
                let value = percentDecoded(parts.count > 1 ? parts[1] : "", plusIsSpace: true)
            else { throw Problem(.malformed, "the query is not percent-encoded UTF-8") }
            guard allowed.contains(name) else {
                throw Problem(
                    field: name, value: value,
                    rule: allowed.isEmpty
                        ? "is not a parameter here; there are none"
                        : "is not a parameter here; the parameters are \(allowed.joined(separator: ", "))")
            }
            guard values.updateValue(value, forKey: name) == nil else {
                throw Problem(field: name, value: value, rule: "must stand once")
            }
        }
    }

    package subscript(_ name: String) -> String? { values[name] }

    package func flag(_ name: String) throws(Problem) -> Bool {
        switch values[name] {
        case nil, "false", "0": return false
        case "true", "1", "": return true
        case .some(let text): throw Problem(field: name, value: text, rule: "must be true or false")
        }
    }

    package func number(_ name: String) throws(Problem) -> UInt64? {
        guard let text = values[name] else { return nil }
        guard let value = UInt64(text), text.first != "+" else {
            throw Problem(field: name, value: text, rule: "must be a whole number from 0 to \(UInt64.max)")
        }
        return value
    }

    package func revision(_ name: String) throws(Problem) -> Revision? { try number(name).map(Revision.init) }

    package func selector() throws(Problem) -> Selector? {
        guard let text = values["selector"], !text.isEmpty else { return nil }
        do { return try Selector(parsing: text) } catch { throw Problem(error) }
    }

    /// How new the answer must be.
    package func freshness() throws(Problem) -> Freshness {
        if try flag("consistent") { return .consistent }
        return try revision("minRevision").map { .revision($0) } ?? .any
    }
}

/// nil for an escape that is none, or bytes that are not UTF-8 (RFC 3986 section 2.1).
package func percentDecoded(_ text: some StringProtocol, plusIsSpace: Bool = false) -> String? {
    guard text.utf8.contains(where: { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "+") }) else { return String(text) }
    var bytes: [UInt8] = []
    var rest = Substring(text).utf8[...]
    while let byte = rest.popFirst() {
        switch byte {
        case UInt8(ascii: "%"):
            guard let upper = rest.popFirst().flatMap(hexValue), let lower = rest.popFirst().flatMap(hexValue) else {
                return nil
            }
            bytes.append(upper << 4 | lower)
        case UInt8(ascii: "+") where plusIsSpace: bytes.append(UInt8(ascii: " "))
        default: bytes.append(byte)
        }
    }
    return String(validating: bytes, as: UTF8.self)
}

private func hexValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 48...57: byte - 48
    case 65...70: byte - 55
    case 97...102: byte - 87
    default: nil
    }
}
