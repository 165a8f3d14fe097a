package import NetworkModel
package import Resources

/// The kinds this service has.
package enum Kind: String, Hashable, Sendable, CaseIterable {
    case project, host, pool, underlay, segment, policy, attachment, gateway, mapping, zone, record, service

    package var name: KindName { type.kind }

    /// nil for a plural that names no kind.
    init?(plural: Substring) {
        guard let kind = Self.allCases.first(where: { $0.name.plural == plural }) else { return nil }
        self = kind
    }

    var type: any ServedKind.Type {
        switch self {
        case .project: Project.self
        case .host: Host.self
        case .pool: Pool.self
        case .underlay: Underlay.self
        case .segment: Segment.self
        case .policy: Policy.self
        case .attachment: Attachment.self
        case .gateway: Gateway.self
        case .mapping: Mapping.self
        case .zone: Zone.self
        case .record: Record.self
        case .service: GuestService.self
        }
    }
}

/// A resource of any kind of this service.
package enum AnyResource: Sendable, Equatable {
    case project(Resource<Project>)
    case host(Resource<Host>)
    case pool(Resource<Pool>)
    case underlay(Resource<Underlay>)
    case segment(Resource<Segment>)
    case policy(Resource<Policy>)
    case attachment(Resource<Attachment>)
    case gateway(Resource<Gateway>)
    case mapping(Resource<Mapping>)
    case zone(Resource<Zone>)
    case record(Resource<Record>)
    case service(Resource<GuestService>)

    package var kind: Kind {
        switch self {
        case .project: .project
        case .host: .host
        case .pool: .pool
        case .underlay: .underlay
        case .segment: .segment
        case .policy: .policy
        case .attachment: .attachment
        case .gateway: .gateway
        case .mapping: .mapping
        case .zone: .zone
        case .record: .record
        case .service: .service
        }
    }

    package var metadata: Metadata {
        get {
            switch self {
            case .project(let resource): resource.metadata
            case .host(let resource): resource.metadata
            case .pool(let resource): resource.metadata
            case .underlay(let resource): resource.metadata
            case .segment(let resource): resource.metadata
            case .policy(let resource): resource.metadata
            case .attachment(let resource): resource.metadata
            case .gateway(let resource): resource.metadata
            case .mapping(let resource): resource.metadata
            case .zone(let resource): resource.metadata
            case .record(let resource): resource.metadata
            case .service(let resource): resource.metadata
            }
        }
        set {
            switch self {
            case .project(var resource):
                resource.metadata = newValue
                self = .project(resource)
            case .host(var resource):
                resource.metadata = newValue
                self = .host(resource)
            case .pool(var resource):
                resource.metadata = newValue
                self = .pool(resource)
            case .underlay(var resource):
                resource.metadata = newValue
                self = .underlay(resource)
            case .segment(var resource):
                resource.metadata = newValue
                self = .segment(resource)
            case .policy(var resource):
                resource.metadata = newValue
                self = .policy(resource)
            case .attachment(var resource):
                resource.metadata = newValue
                self = .attachment(resource)
            case .gateway(var resource):
                resource.metadata = newValue
                self = .gateway(resource)
            case .mapping(var resource):
                resource.metadata = newValue
                self = .mapping(resource)
            case .zone(var resource):
                resource.metadata = newValue
                self = .zone(resource)
            case .record(var resource):
                resource.metadata = newValue
                self = .record(resource)
            case .service(var resource):
                resource.metadata = newValue
                self = .service(resource)
            }
        }
    }

    /// The stored form.
    var stored: [UInt8] {
        switch self {
        case .project(let resource): resource.json
        case .host(let resource): resource.json
        case .pool(let resource): resource.json
        case .underlay(let resource): resource.json
        case .segment(let resource): resource.json
        case .policy(let resource): resource.json
        case .attachment(let resource): resource.json
        case .gateway(let resource): resource.json
        case .mapping(let resource): resource.json
        case .zone(let resource): resource.json
        case .record(let resource): resource.json
        case .service(let resource): resource.json
        }
    }

    /// Writes the `spec` member.
    func writeSpec(to writer: inout JSONWriter) {
        switch self {
        case .project(let resource): writer.member("spec", resource.spec)
        case .host(let resource): writer.member("spec", resource.spec)
        case .pool(let resource): writer.member("spec", resource.spec)
        case .underlay(let resource): writer.member("spec", resource.spec)
        case .segment(let resource): writer.member("spec", resource.spec)
        case .policy(let resource): writer.member("spec", resource.spec)
        case .attachment(let resource): writer.member("spec", resource.spec)
        case .gateway(let resource): writer.member("spec", resource.spec)
        case .mapping(let resource): writer.member("spec", resource.spec)
        case .zone(let resource): writer.member("spec", resource.spec)
        case .record(let resource): writer.member("spec", resource.spec)
        case .service(let resource): writer.member("spec", resource.spec)
        }
    }
}
