import NetworkModel
package import Resources

/// One resource as the server gave it: the JSON, with its envelope's members at hand.
///
/// It keeps what it does not know, so that a client shows and writes back members of a newer server.
package struct ResourceDocument: Sendable {
    package let node: JSONNode
    package let kind: String
    package let id: ResourceID
    package let name: Name
    package let project: Name?
    package let revision: Revision
    package let generation: UInt64
    package let labels: Labels

    /// - Throws: when a member of the envelope is missing or wrong.
    package init(_ node: JSONNode) throws(FieldError) {
        var reader = try FieldReader(node, path: "")
        self.node = node
        kind = try reader.required("kind")
        id = try reader.required("id")
        name = try reader.required("name")
        project = try reader.optional("project")
        revision = try reader.required("revision")
        generation = try reader.required("generation")
        labels = try reader.optional("labels") ?? Labels()
    }

    package var spec: JSONNode? { node["spec"] }
    package var status: JSONNode? { node["status"] }
    package var isProtected: Bool { if case .bool(true) = node["protected"]?.content { true } else { false } }
    /// `status.phase`; nil for kinds that have none.
    package var phase: String? { status?["phase"]?.string }
    package var message: String? { status?["message"]?.string }
}

/// A collection of resources, and the items in it.
package struct ResourceCollection: Hashable, Sendable {
    package let kind: KindName
    /// The project's name or id; nil for a kind of the whole cluster.
    package let project: String?

    /// - Parameter project: ignored for a kind of the whole cluster.
    package init(_ kind: KindName, project: String) {
        self.kind = kind
        self.project = kind.isInProject ? project : nil
    }

    package var path: [String] {
        (kind.service.map { [$0] } ?? []) + (project.map { ["v1", "projects", $0] } ?? ["v1"]) + [kind.plural]
    }

    /// - Parameter item: a name or an id.
    package func path(of item: String) -> [String] { path + [item] }

    /// Every kind of the network core, what others refer to before what refers to it.
    package static let kinds: [KindName] = [
        Underlay.kind, Project.kind, Pool.kind, Host.kind, Segment.kind, Policy.kind, Gateway.kind,
        Attachment.kind,
    ]
}

/// One former or present state of a resource's spec and metadata.
package struct HistoryEntry: Sendable {
    package let generation: UInt64
    package let revision: Revision
    package let time: String
    /// Who wrote it, as the server knows its callers.
    package let who: String
    /// "create", "update" or "restore".
    package let action: String
    package let resource: JSONNode

    init(_ node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        generation = try reader.required("generation")
        revision = try reader.required("revision")
        time = try reader.required("time")
        who = try reader.required("who")
        action = try reader.required("action")
        guard let resource = reader.node("resource") else {
            throw FieldError(field: reader.path(of: "resource"), rule: "is required")
        }
        self.resource = resource
    }
}
