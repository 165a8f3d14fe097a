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

    /// What a batch is asked to do for it; nil when there is nothing to do.
    var operation: BatchOperation? {
        switch action {
        case .create: BatchOperation(.create, collection, document: manifest.newBody)
        case .update(let id, let revision):
            BatchOperation(.update(id.description, ifMatch: revision), collection, document: manifest.body)
        case .nothing: nil
        }
    }
}
