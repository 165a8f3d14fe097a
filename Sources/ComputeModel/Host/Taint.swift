package import Resources

/// The name of a taint: as a label's key.
package struct TaintKey: Hashable, Comparable, Sendable, JSONCodable, CustomStringConvertible {
    package let description: String

    /// nil for what is no key of a label (`Labels.keyRule`).
    package init?(_ text: String) {
        var labels = Labels()
        do { try labels.set(text, "") } catch { return nil }
        description = text
    }

    package static func < (left: TaintKey, right: TaintKey) -> Bool { left.description < right.description }

    static let text = TextShape(
        pattern: "^[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?$", minimum: 1, maximum: 63,
        rule: "must be 1 to 63 letters, digits, '.', '_', '-' and '/', with a letter or digit at both ends"
    ) { TaintKey($0) != nil }

    package init(json node: JSONNode, path: String) throws(FieldError) {
        let text = try String(json: node, path: path)
        guard let key = Self(text) else { throw FieldError(field: path, value: text, rule: Self.text.rule) }
        self = key
    }
    package func write(to writer: inout JSONWriter) { writer.string(description) }
}

/// What keeps VMs away from a host unless they tolerate it.
package struct Taint: Hashable, Sendable, JSONCodable {
    package enum Effect: String, Choice {
        /// No VM is placed here that does not tolerate it; those that are here stay.
        case refuse
        /// Other hosts are taken first.
        case avoid
    }

    package var key: TaintKey
    package var effect: Effect

    package init(_ key: TaintKey, effect: Effect) {
        self.key = key
        self.effect = effect
    }

    static let shape = Shape.object([
        .required("key", .text(TaintKey.text), "what a VM tolerates"),
        .required("effect", Effect.shape, "for a VM that does not tolerate it"),
    ])

    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(try reader.required("key"), effect: try reader.required("effect"))
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("key", key)
            writer.member("effect", effect)
        }
    }
}
