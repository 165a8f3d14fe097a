package import NetworkModel
package import Resources

/// The kinds this service has.
package enum Kind: String, Hashable, Sendable, CaseIterable {
    case project, host, pool, underlay, segment, policy, attachment, gateway, mapping, zone, record, service, token

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
        case .token: Token.self
        }
    }
}

/// A resource of any kind of this service.
///
/// Behind a reference: a resource has some hundred bytes with dozens of references in them, and is handed on from the
/// plan to what is expected, to the log and to the items.
package indirect enum AnyResource: Sendable, Equatable {
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
    case token(Resource<Token>)

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
        case .token: .token
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
            case .token(let resource): resource.metadata
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
            case .token(var resource):
                resource.metadata = newValue
                self = .token(resource)
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
        case .token(let resource): resource.json
        }
    }

    /// Writes the `spec` member.
    func writeSpec(to writer: inout JSONWriter, _ view: View) {
        func write<Served: ServedKind>(_ resource: Resource<Served>, _ writer: inout JSONWriter) {
            writer.member("spec", view == .full ? resource.spec : Served.shown(resource.spec))
        }
        switch self {
        case .project(let resource): write(resource, &writer)
        case .host(let resource): write(resource, &writer)
        case .pool(let resource): write(resource, &writer)
        case .underlay(let resource): write(resource, &writer)
        case .segment(let resource): write(resource, &writer)
        case .policy(let resource): write(resource, &writer)
        case .attachment(let resource): write(resource, &writer)
        case .gateway(let resource): write(resource, &writer)
        case .mapping(let resource): write(resource, &writer)
        case .zone(let resource): write(resource, &writer)
        case .record(let resource): write(resource, &writer)
        case .service(let resource): write(resource, &writer)
        case .token(let resource): write(resource, &writer)
        }
    }
}
