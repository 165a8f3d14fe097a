package import Resources

/// One document of a file that holds resources, read as JSON and no further.
package struct WrittenManifest: Sendable {
    let node: JSONNode
    let source: String
    let line: Int?
    let keepsBytes: Bool

    /// - Throws: what is wrong with it.
    package func manifest(_ kinds: KindCatalogue = .network) throws(DocumentError) -> Manifest {
        try Manifest(node, source: source, line: line, keepsBytes: keepsBytes, kinds: kinds)
    }

    /// The resource that it seems to be about; nil where that cannot be told. Whether it is a good manifest, `manifest`
    /// says.
    package func subject(_ kinds: KindCatalogue = .network) -> (kind: KindName, project: Name?, name: Name)? {
        guard let kind = node["kind"]?.string.flatMap(kinds.named)?.kind,
            let name = node["name"]?.string.flatMap({ Name($0) })
        else { return nil }
        return (kind, node["project"]?.string.flatMap { Name($0) }, name)
    }
}
