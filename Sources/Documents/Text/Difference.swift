package import Resources

/// One field that two states of a document do not share.
package struct Difference: Hashable, Sendable {
    /// "spec.addresses[1]".
    package let field: String
    /// As people read it; nil when the field is new.
    package let old: String?
    /// nil when the field is gone.
    package let new: String?

    package init(field: String, old: String?, new: String?) {
        self.field = field
        self.old = old
        self.new = new
    }

    /// "+ field: new", "- field: old" or "~ field: old -> new", safe for a terminal.
    package var line: String {
        switch (old, new) {
        case (nil, let new?): "+ \(DisplayText.safe("\(field): \(new)"))"
        case (let old?, nil): "- \(DisplayText.safe("\(field): \(old)"))"
        case (let old, let new): "~ \(DisplayText.safe("\(field): \(old ?? "") -> \(new ?? "")"))"
        }
    }

    /// All differences, in the order of the older document and then of the newer one.
    package static func between(_ old: JSONNode, _ new: JSONNode) -> [Difference] {
        compare(old, new, "")
    }

    private static func compare(_ old: JSONNode?, _ new: JSONNode?, _ path: String) -> [Difference] {
        if let old, let new {
            if old.means(new) { return [] }
            switch (old.content, new.content) {
            case (.object, .object):
                let names = old.members.map(\.name) + new.members.map(\.name).filter { old[$0] == nil }
                return names.flatMap { compare(old[$0], new[$0], path.isEmpty ? $0 : "\(path).\($0)") }
            case (.array(let left), .array(let right)):
                return (0..<max(left.count, right.count)).flatMap { index in
                    compare(
                        index < left.count ? left[index] : nil, index < right.count ? right[index] : nil,
                        "\(path)[\(index)]")
                }
            default: break
            }
            return [Difference(field: path, old: old.displayText, new: new.displayText)]
        }
        guard let one = old ?? new else { return [] }
        // A whole object or list that comes or goes is shown field by field.
        let parts: [(String, JSONNode)] =
            one.members.map { (path.isEmpty ? $0.name : "\(path).\($0.name)", $0.value) }
            + one.elements.enumerated().map { ("\(path)[\($0.offset)]", $0.element) }
        if parts.isEmpty { return [Difference(field: path, old: old?.displayText, new: new?.displayText)] }
        return parts.flatMap { compare(old == nil ? nil : $0.1, new == nil ? nil : $0.1, $0.0) }
    }
}
