import ComputeModel
import Persistence
import Placement
package import Resources

/// One resource as the cache shows it at one moment. Never changes: a newer state of the resource is another item.
package final class ComputeItem: Sendable {
    package let resource: any AnyResource
    package let kind: ComputeKind
    /// nil for a kind of the cluster.
    package let projectID: ResourceID?
    /// The revision that created it: lists are in this order, which no write changes.
    package let order: OrderKey
    let status: Status

    /// What is known of the resource beside it.
    struct Status: Sendable, Equatable {
        /// Of a VM.
        var place: VirtualMachinePlace?
        /// The name of the compute host it is on.
        var hostName: Name?
        /// Present while that host is lost.
        var hostLoss: ComputeHostReport.Loss?
        /// Why it has no place.
        var obstacle: Hindrance?
        /// Why it has not all of its ports.
        var unported: Hindrance?
        var vm: VirtualMachineReport?
        /// Of an image.
        var image: ImageReport?
        /// Of a compute host.
        var host: ComputeHostReport?
        var vms = 0
        var allocatable = Capacity.zero
        var free = Capacity.zero
    }

    init(
        resource: any AnyResource, kind: ComputeKind, projectID: ResourceID?, created: Revision,
        status: Status = Status()
    ) {
        self.resource = resource
        self.kind = kind
        self.projectID = projectID
        self.order = OrderKey(created: created, id: resource.metadata.id)
        self.status = status
    }

    func showing(_ status: Status) -> ComputeItem {
        ComputeItem(resource: resource, kind: kind, projectID: projectID, created: order.created, status: status)
    }

    package var id: ResourceID { resource.metadata.id }
    package var name: Name { resource.metadata.name }
    /// The ETag.
    package var revision: Revision { resource.metadata.revision }
    var key: StoreKey { ComputeLayout.resource(kind, project: projectID, id) }

    func unwrap<Kind: ResourceKind>(_ kind: Kind.Type = Kind.self) -> Resource<Kind>? { resource as? Resource<Kind> }

    /// The resource as somebody with that view reads it.
    package func json(_ view: ComputeView = .full) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("kind", kind.name.singular)
            resource.metadata.writeMembers(to: &writer)
            resource.writeSpec(to: &writer)
            writer.name("status")
            writer.object { writer in Self.writeStatus(kind.type, self, view, to: &writer) }
        }
        return writer.bytes
    }

    private static func writeStatus<Kind: ServedCompute>(
        _ type: Kind.Type, _ item: ComputeItem, _ view: ComputeView, to writer: inout JSONWriter
    ) {
        guard let resource = item.unwrap(Kind.self) else { return }
        type.writeStatus(resource, item, view, to: &writer)
    }
}

/// The host of a VM, and since when.
package struct VirtualMachinePlace: Hashable, Sendable, JSONCodable {
    package var host: ResourceID
    package var since: Timestamp

    init(host: ResourceID, since: Timestamp) {
        self.host = host
        self.since = since
    }

    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(host: try reader.required("host"), since: try reader.required("since"))
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("host", host)
            writer.member("since", since)
        }
    }
}

/// Why a VM has no place, or not all of its ports, and since when that is so.
struct Hindrance: Hashable, Sendable, JSONCodable {
    var reason: String
    var since: Timestamp

    init(_ reason: String, since: Timestamp) {
        self.reason = String(decoding: reason.utf8.prefix(Condition.maximumMessage), as: UTF8.self)
        self.since = since
    }

    init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(try reader.required("reason"), since: try reader.required("since"))
        try reader.finish()
    }

    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("reason", reason)
            writer.member("since", since)
        }
    }
}
