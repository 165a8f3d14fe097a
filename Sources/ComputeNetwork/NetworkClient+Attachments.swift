import APIClient
import Addressing
import NetworkModel
import Resources

/// What ports need of the network's API.
extension NetworkClient {
    func projects() async throws -> [ResourceID] {
        try await api.list(ResourceCollection(Project.kind, project: "")).map(\.id)
    }

    private func collection(_ project: ResourceID) -> ResourceCollection {
        ResourceCollection(Attachment.kind, project: project.description)
    }

    func attachments(of project: ResourceID, labelled label: String) async throws -> [ResourceDocument] {
        do { return try await api.list(collection(project), selector: label) } catch let problem as APIProblem
            where problem.status == 404
        {
            // The project is gone, and all that it had.
            return []
        }
    }

    func attachment(_ id: ResourceID, in project: ResourceID) async throws -> ResourceDocument {
        try await api.get(collection(project), id.description)
    }

    func create(_ port: WantedPort, in project: ResourceID) async throws -> ResourceDocument {
        try await api.create(collection(project), port.document)
    }

    func bind(
        _ document: ResourceDocument, in project: ResourceID, to host: ResourceID?, label: String, value: String?
    ) async throws -> ResourceDocument {
        let body = try document.bound(to: host, label: label, value: value)
        return try await api.update(
            collection(project), document.id.description, body, ifMatch: document.revision)
    }

    func delete(_ document: ResourceDocument, in project: ResourceID) async throws {
        do { try await api.delete(collection(project), document.id.description) } catch let problem as APIProblem
            where problem.status == 404
        {
            // It went before: what was wanted.
        }
    }

    func mtu(ofSegment segment: ResourceID, in project: ResourceID) async throws -> MTU {
        let collection = ResourceCollection(Segment.kind, project: project.description)
        let document = try await api.get(collection, segment.description)
        guard case .number(let text)? = document.status?["mtu"]?.content, let bytes = Int(text) else {
            throw Problem(.unavailable, "segment '\(document.name)' says no MTU")
        }
        return try MTU(bytes)
    }
}
