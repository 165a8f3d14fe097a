import NetworkModel
package import Resources

/// The text of a file that holds resources.
package enum ManifestFile {
    package enum Format: Sendable { case json, yaml }

    /// By the name's ending; a text without one (standard input) is JSON when it begins like a JSON document.
    package static func format(name: String, text: String) -> Format {
        let ending = name.split(separator: ".").last.map { $0.lowercased() }
        if name.contains("."), ending == "json" { return .json }
        if name.contains("."), ending == "yaml" || ending == "yml" { return .yaml }
        return text.first { !$0.isWhitespace }.map { $0 == "{" || $0 == "[" } ?? false ? .json : .yaml
    }

    /// The manifests in the order they stand. A JSON text, or a YAML document, holds one resource, a list of them, or
    /// a list as the API gives it (`{"items": […]}`).
    package static func manifests(_ text: String, source: String, format: Format) throws(DocumentError) -> [Manifest] {
        var manifests: [Manifest] = []
        for written in try documents(text, source: source, format: format) { manifests.append(try written.manifest()) }
        return manifests
    }

    /// The same, each as it is written: only the text has been read, nothing of what it says.
    package static func documents(
        _ text: String, source: String, format: Format
    ) throws(DocumentError) -> [WrittenManifest] {
        let documents: [(node: JSONNode, line: Int?)]
        switch format {
        case .json:
            do { documents = [(try JSONParser.parse(Array(text.utf8), atMost: JSONParser.largeValues), nil)] } catch {
                throw DocumentError(source: source, line: line(of: error.offset, in: text), rule: error.description)
            }
        case .yaml: documents = try YAMLReader.documents(text, source: source)
        }
        var manifests: [WrittenManifest] = []
        manifests.reserveCapacity(documents.count)
        for document in documents {
            let items: [JSONNode]
            switch document.node.content {
            case .array(let nodes): items = nodes
            case .object where document.node["items"] != nil: items = document.node["items"]?.elements ?? []
            default: items = [document.node]
            }
            for item in items {
                manifests.append(
                    WrittenManifest(node: item, source: source, line: document.line, keepsBytes: format == .json))
            }
        }
        return manifests
    }

    /// What is needed first comes first; otherwise the order of the files is kept.
    /// - Throws: when two manifests are for the same resource.
    package static func sorted(
        _ manifests: [Manifest], project: Name, kinds: KindCatalogue = .network
    ) throws(DocumentError) -> [Manifest] {
        var seen: [Place: String] = [:]
        seen.reserveCapacity(manifests.count)
        for manifest in manifests {
            let project = manifest.kind.isInProject ? manifest.project ?? project : nil
            let place = Place(rank: kinds.rank(manifest.description), project: project, name: manifest.name)
            if let first = seen.updateValue(manifest.source, forKey: place) {
                throw DocumentError(source: manifest.source, rule: "\(manifest.title) stands at \(first) already")
            }
        }
        let ranks = manifests.map { kinds.rank($0.description) }
        // As they mostly stand, since most files hold many of one kind.
        if zip(ranks, ranks.dropFirst()).allSatisfy({ $0 <= $1 }) { return peersFirst(manifests, project: project) }
        let places = manifests.indices.sorted { (ranks[$0], $0) < (ranks[$1], $1) }
        return peersFirst(places.map { manifests[$0] }, project: project)
    }

    /// What two manifests cannot both be for.
    private struct Place: Hashable {
        var rank: Int
        var project: Name?
        var name: Name
    }

    /// Policies after those that their rules name. Of a circle the first one stays first.
    private static func peersFirst(_ manifests: [Manifest], project: Name) -> [Manifest] {
        guard let first = manifests.firstIndex(where: { $0.kind == Policy.kind }) else { return manifests }
        let policies = manifests[first...].prefix { $0.kind == Policy.kind }
        func key(_ manifest: Manifest, _ name: String) -> String { "\(manifest.project ?? project)/\(name)" }
        let byName = Dictionary(policies.map { (key($0, $0.name.text), $0) }) { first, _ in first }
        var placed: Set<String> = []
        var sorted: [Manifest] = []
        func place(_ manifest: Manifest) {
            guard placed.insert(key(manifest, manifest.name.text)).inserted else { return }
            var peers: [String] = []
            _ = manifest.description.mapReferences(manifest.spec) { _, text in
                peers.append(text)
                return text
            }
            for peer in peers { byName[key(manifest, peer)].map(place) }
            sorted.append(manifest)
        }
        for policy in policies { place(policy) }
        return manifests[..<first] + sorted + manifests[(first + policies.count)...]
    }

    private static func line(of offset: Int, in text: String) -> Int {
        1 + text.utf8.prefix(offset).count { $0 == UInt8(ascii: "\n") }
    }
}
