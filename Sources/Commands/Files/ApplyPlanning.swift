import APIClient
import Documents
import Resources

/// Compares manifests with what the server has.
struct ApplyPlanning {
    let session: Session
    /// Whether somebody wants to see what new resources would be; what differs in others is always found out.
    let showsNew: Bool

    /// Under this many of a collection each is asked for by itself; from it on, the whole collection is listed.
    private static let fewItems = 16

    /// What a server has, by where it is.
    typealias Live = [ResourceCollection: [Name: ResourceDocument]]

    /// What the server has of what manifests are about.
    func live(_ subjects: [(kind: KindName, project: Name?, name: Name)]) async throws -> Live {
        var live: Live = [:]
        for (collection, wanted) in Dictionary(grouping: subjects, by: { collection($0.kind, $0.project) }) {
            live[collection] = try await fetch(collection, wanted.map(\.name))
        }
        return live
    }

    /// The same; nil for a file of many resources that one batch takes and that all seem to be new, since its first one
    /// is: to list what else there is would cost more than to try.
    func liveUnlessNew(_ subjects: [(kind: KindName, project: Name?, name: Name)]) async throws -> Live? {
        if let first = subjects.first, (Self.fewItems...BatchOperation.maximumCount).contains(subjects.count),
            try await fetch(collection(first.kind, first.project), [first.name]).isEmpty
        {
            return nil
        }
        return try await live(subjects)
    }

    /// What is to be done when none of the manifests' resources is there.
    func creations(_ manifests: [Manifest]) -> [Change] {
        manifests.map { manifest in
            Change(
                manifest: manifest, collection: collection(manifest.kind, manifest.project), action: .create,
                differences: [])
        }
    }

    /// The changes, in the order of the manifests.
    func changes(_ manifests: [Manifest], _ live: Live) async throws -> [Change] {
        let names = try await index(live)
        return manifests.map { manifest in
            let collection = collection(manifest.kind, manifest.project)
            return change(manifest, in: collection, live[collection]?[manifest.name], names)
        }
    }

    private func collection(_ kind: KindName, _ project: Name?) -> ResourceCollection {
        ResourceCollection(kind, project: project?.text ?? session.project)
    }

    private func change(
        _ manifest: Manifest, in collection: ResourceCollection, _ current: ResourceDocument?, _ names: NameIndex
    ) -> Change {
        guard showsNew || current != nil else {
            return Change(manifest: manifest, collection: collection, action: .create, differences: [])
        }
        var manifest = manifest
        manifest.spec = names.named(manifest.spec, of: manifest.description)
        guard let current else {
            let new = Difference.between(.nothing, manifest.document)
            return Change(manifest: manifest, collection: collection, action: .create, differences: new)
        }
        let annotations = current.node["annotations"] ?? .object([])
        manifest.annotations = Self.keepBytes(manifest.annotations, annotations, exactly: manifest.keepsBytes)
        let old = Manifest.document(
            name: current.name, labels: current.node["labels"] ?? .object([]), annotations: annotations,
            protected: current.isProtected, spec: names.spec(current.spec ?? .object([]), of: manifest.description))
        var differences = Difference.between(old, manifest.document)
        if differences.isEmpty, manifest.keepsBytes {
            // The meaning is the same, but the bytes are the user's to choose.
            differences = manifest.annotations.members.compactMap { member in
                guard let before = annotations[member.name], before.raw != member.value.raw else { return nil }
                return Difference(
                    field: "annotations.\(member.name)", old: String(decoding: before.raw, as: UTF8.self),
                    new: String(decoding: member.value.raw, as: UTF8.self))
            }
        }
        return Change(
            manifest: manifest, collection: collection,
            action: differences.isEmpty ? .nothing : .update(id: current.id, revision: current.revision),
            differences: differences)
    }

    /// Annotations that came through YAML have no bytes of their own: those that mean what is there keep its bytes.
    private static func keepBytes(_ new: JSONNode, _ old: JSONNode, exactly: Bool) -> JSONNode {
        guard !exactly else { return new }
        return .object(
            new.members.map { member in
                guard let before = old[member.name], before.means(member.value) else { return member }
                return (member.name, before)
            })
    }

    private func fetch(_ collection: ResourceCollection, _ wanted: [Name]) async throws -> [Name: ResourceDocument] {
        var found: [Name: ResourceDocument] = [:]
        do {
            if wanted.count >= Self.fewItems {
                for document in try await session.client.list(collection) { found[document.name] = document }
            } else {
                for name in wanted {
                    do { found[name] = try await session.client.get(collection, name.text) } catch let problem
                        as APIProblem where problem.status == 404
                    { continue }
                }
            }
        } catch let problem as APIProblem where problem.status == 404 {
            // The project itself does not exist yet: a manifest may be about to create it.
            return [:]
        }
        return found
    }

    /// Names for every id that what is there refers to.
    private func index(_ live: Live) async throws -> NameIndex {
        var index = NameIndex()
        for (collection, documents) in live {
            guard let description = session.kinds.named(collection.kind.singular) else { continue }
            let session = session.inside(collection.project ?? session.project)
            index.merge(try await session.names(for: Array(documents.values), description))
            for document in documents.values { index.add(id: document.id, name: document.name) }
        }
        return index
    }
}
