package import Addressing
package import Resources

/// Who routes: the host that carries KC's router, or the attachment whose guest is the router.
package enum RoleHolder: Hashable, Sendable {
    case host(ResourceID)
    case attachment(ResourceID)

    package var host: ResourceID? { if case .host(let id) = self { id } else { nil } }
}

/// Who gets a gateway's role once it is ready and everybody admits it.
package struct NextHolder: Hashable, JSONCodable {
    package var holder: RoleHolder
    /// The fencing token that the role will have with it: greater than all before.
    package var term: UInt64
    /// Attachment id by segment id: its ports.
    package var ports: [ResourceID: ResourceID]

    package init(_ holder: RoleHolder, term: UInt64, ports: [ResourceID: ResourceID]) {
        self.holder = holder
        self.term = term
        self.ports = ports
    }
}

/// A host that had a gateway's role and has not said yet that nothing of it is left there.
package struct FormerHolder: Hashable, JSONCodable {
    package var host: ResourceID
    /// Whether its guests are told that it is no router any more: when the next one is another router to them, with
    /// another address.
    package var saysGoodbye: Bool
    /// Attachment id by segment id: ports that are gone when it is; empty when the next one has them now.
    package var ports: [ResourceID: ResourceID]

    package init(_ host: ResourceID, saysGoodbye: Bool, ports: [ResourceID: ResourceID] = [:]) {
        self.host = host
        self.saysGoodbye = saysGoodbye
        self.ports = ports
    }
}

/// What a host is to a gateway.
package enum GatewayRole: String, Choice {
    /// It routes.
    case active
    /// It is to route: everything of the gateway is there, and its ports do not forward.
    case next
    /// It routed, and is silent from now on: its guests have the same router elsewhere.
    case former
    /// It routed, and tells its guests goodbye: they have another router.
    case leaving

    /// Whether everything of the gateway shall be gone from the host.
    package var isOver: Bool { self == .former || self == .leaving }
}

extension RoleHolder: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        let host = try reader.optional("host", as: ResourceID.self)
        let attachment = try reader.optional("attachment", as: ResourceID.self)
        try reader.finish()
        switch (host, attachment) {
        case (let host?, nil): self = .host(host)
        case (nil, let attachment?): self = .attachment(attachment)
        default: throw FieldError(field: path, rule: "must have either 'host' or 'attachment'")
        }
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            switch self {
            case .host(let id): writer.member("host", id)
            case .attachment(let id): writer.member("attachment", id)
            }
        }
    }
}

extension NextHolder {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            try reader.required("holder"), term: try reader.required("term"),
            ports: try Gateway.Assigned(portsOf: reader.required("ports"), path: reader.path(of: "ports")).ports)
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("holder", holder)
            writer.member("term", term)
            writer.member("ports", Gateway.Assigned(ports: ports).portsByText)
        }
    }
}

extension FormerHolder {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            try reader.required("host"), saysGoodbye: try reader.required("saysGoodbye"),
            ports: try Gateway.Assigned(portsOf: reader.required("ports"), path: reader.path(of: "ports")).ports)
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("host", host)
            writer.member("saysGoodbye", saysGoodbye)
            writer.member("ports", Gateway.Assigned(ports: ports).portsByText)
        }
    }
}

extension DesiredGateway {
    /// What a host says in `Report.details` of its part in a gateway that has moved or moves: by these names.
    package static let roleDetail = "role"
    package static let termDetail = "term"
}

extension DesiredSegment {
    /// The name in `Report.details` under which a host says whom its guards let through as the segment's routers.
    package static let routersDetail = "routers"

    package var routersText: String { Self.text(ofRouters: gateways) }

    package static func text(ofRouters routers: [MACAddress]) -> String {
        routers.sorted().map(\.description).joined(separator: " ")
    }
}
