package import Resources

/// Names by id, so that people read names where the API gives ids.
package struct NameIndex: Sendable {
    private var names: [String: String] = [:]

    package init() {}

    package mutating func merge(_ other: NameIndex) { names.merge(other.names) { $1 } }

    package mutating func add(id: ResourceID, name: Name) { names[id.description] = name.text }

    /// The name behind an id; the text itself when it is no id, or one that is not known.
    package func name(_ text: String) -> String { names[text.lowercased()] ?? text }

    /// A spec as people write it: canonical, and its references names. A spec of a newer server that cannot be read
    /// here stays as it is.
    package func spec(_ spec: JSONNode, of description: KindDescription) -> JSONNode {
        let canonical: JSONNode
        do { canonical = try description.canonical(spec) } catch { canonical = spec }
        return named(canonical, of: description)
    }

    /// A canonical spec with names for the ids that are known.
    package func named(_ canonical: JSONNode, of description: KindDescription) -> JSONNode {
        names.isEmpty ? canonical : description.mapReferences(canonical) { _, text in name(text) }
    }
}
