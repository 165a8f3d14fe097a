import APIClient
import Documents
import Resources

/// What applying one manifest comes to.
struct Change: Sendable {
    enum Action: Sendable {
        case create
        /// Replaces what has this id and revision.
        case update(id: ResourceID, revision: Revision)
        case nothing

        var past: String {
            switch self {
            case .create: "created"
            case .update: "changed"
            case .nothing: "unchanged"
            }
        }
    }

    let manifest: Manifest
    let collection: ResourceCollection
    let action: Action
    let differences: [Difference]

    func perform(_ client: APIClient) async -> Result<Void, Complaint> {
        do {
            switch action {
            case .create: _ = try await client.create(collection, manifest.body)
            case .update(let id, let revision):
                _ = try await client.update(collection, id.description, manifest.body, ifMatch: revision)
            case .nothing: break
            }
            return .success(())
        } catch { return .failure(Complaint(error)) }
    }
}
