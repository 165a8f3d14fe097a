import Addressing
import NetworkModel
import Persistence
package import Resources
import Synchronization

/// One resource as the cache shows it at one moment: with its status, and its JSON once someone asked for it.
///
/// Never changes: a newer state of the resource is another item, so that a reader may hold one as long as it likes.
package final class Item: Sendable {
    package let resource: AnyResource
    /// nil for a kind of the cluster.
    package let projectID: ResourceID?
    /// The revision that created it: lists are in this order, which no write changes.
    package let order: OrderKey
    let status: Status
    private let texts = Mutex<(full: [UInt8]?, tenant: [UInt8]?)>((nil, nil))

    /// What others say about the resource.
    struct Status: Sendable {
        /// Reports with the names of their hosts, in the order of the names.
        var reports: [(host: Name, id: ResourceID, report: Report)] = []
        var liveness = Liveness.neverSeen
        /// Agents that speak for a host at the same time, when there is more than one.
        var agents: [AgentSighting] = []
        /// Addresses of an attachment that hosts have learned, in order.
        var learned: [IPv6Address] = []
    }

    init(resource: AnyResource, projectID: ResourceID?, created: Revision, status: Status) {
        self.resource = resource
        self.projectID = projectID
        self.order = OrderKey(created: created, id: resource.metadata.id)
        self.status = status
    }

    package var id: ResourceID { resource.metadata.id }
    package var name: Name { resource.metadata.name }
    /// The ETag.
    package var revision: Revision { resource.metadata.revision }
    var key: StoreKey { StoreLayout.resource(resource.kind, project: projectID, id) }

    /// The resource as a client reads it.
    package var json: [UInt8] { json(.full) }

    /// The same as somebody with that view reads it.
    package func json(_ view: View) -> [UInt8] {
        texts.withLock { texts in
            if let text = view == .full ? texts.full : texts.tenant { return text }
            var writer = JSONWriter()
            write(view, to: &writer)
            if view == .full { texts.full = writer.bytes } else { texts.tenant = writer.bytes }
            return writer.bytes
        }
    }
}

/// Whether a host's agent renews its lease.
package enum Liveness: Hashable, Sendable {
    case neverSeen
    case up
    /// Since about then.
    case down(lastSeen: Timestamp)
}
