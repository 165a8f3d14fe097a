/// What one quota counts: a word of the network's own ("segments"), or a service's with that service before it
/// ("compute.vms"). Only the service itself knows what its words mean.
package struct QuotaName: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let text: String

    /// Of each of its one or two words.
    package static let maximumWordLength = 31
    package static let rule =
        "must be WORD or SERVICE.WORD, like compute.vms: of lower-case letters, digits and '-', at most 31 each"

    /// nil for what is no such name.
    package init?(_ text: some StringProtocol) {
        let words = text.split(separator: ".", omittingEmptySubsequences: false)
        guard words.count <= 2, words.allSatisfy({ Self.isWord($0) }) else { return nil }
        self.text = String(text)
    }

    /// nil for one of the network's own.
    package var service: String? {
        text.firstIndex(of: ".").map { String(text[..<$0]) }
    }

    package var description: String { text }

    /// Those without a service come first.
    package static func < (left: QuotaName, right: QuotaName) -> Bool {
        (left.service ?? "", left.text) < (right.service ?? "", right.text)
    }

    private static func isWord(_ word: some StringProtocol) -> Bool {
        let bytes = word.utf8
        guard (1...maximumWordLength).contains(bytes.count), let first = bytes.first else { return false }
        return (97...122).contains(first) && !word.hasSuffix("-")
            && bytes.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == UInt8(ascii: "-") }
    }
}

/// What a project may have at most, by name; what is not named has no limit.
package struct Quotas: Hashable, Sendable {
    package private(set) var limits: [QuotaName: Int] = [:]

    package static let maximumCount = 64
    /// The network's own.
    package static let range = 0...1_000_000
    /// Other services': they count MiB as well.
    package static let serviceRange = 0...1_000_000_000

    package init() {}

    package var isEmpty: Bool { limits.isEmpty }
    package subscript(_ name: QuotaName) -> Int? { limits[name] }

    /// Refuses names without a service that are none of `own`.
    package func requireOwn(_ own: [QuotaName], path: String) throws(FieldError) {
        guard let stray = limits.keys.sorted().first(where: { $0.service == nil && !own.contains($0) }) else { return }
        throw FieldError(
            field: "\(path).\(stray)",
            rule: "is not a quota: the network's are \(own.sorted().map(\.text).joined(separator: ", ")), and those of "
                + "other services have the service's name before them, like compute.vms")
    }
}

extension Quotas: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        guard case .object(let members) = node.content else {
            throw FieldError(field: path, value: node.excerpt, rule: "must be an object, not \(node.typeName)")
        }
        for (text, value) in members {
            guard let name = QuotaName(text) else { throw FieldError(field: path, value: text, rule: QuotaName.rule) }
            if case .null = value.content { continue }
            let field = "\(path).\(name)"
            let range = name.service == nil ? Self.range : Self.serviceRange
            guard case .number(let digits) = value.content, let limit = Int(digits), range.contains(limit) else {
                throw FieldError(
                    field: field, value: value.excerpt,
                    rule:
                        "must be a whole number from \(range.lowerBound) to \(range.upperBound), or absent for no limit"
                )
            }
            limits[name] = limit
        }
        guard limits.count <= Self.maximumCount else {
            throw FieldError(field: path, rule: "must have at most \(Self.maximumCount) quotas")
        }
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            for (name, limit) in limits.sorted(by: { $0.key < $1.key }) { writer.member(name.text, limit) }
        }
    }
}

extension Problem {
    /// Refuses what would take a project beyond a quota.
    /// - Parameters: `count` is what the project has, `added` what it would get.
    package static func overQuota(
        _ project: Name, _ name: QuotaName, count: Int, adding added: Int, limit: Int
    ) -> Problem {
        Problem(
            .quotaExceeded,
            "project '\(project)' has \(count) \(name) and may have \(limit), and this needs \(added) more; "
                + "delete some, or ask for more",
            field: "spec.quotas.\(name)", value: "\(limit)", rule: "is what the project may have")
    }
}
