import Addressing
import NetworkModel
import NetworkPlanning
package import Resources
import Synchronization

extension NetworkService {
    /// What a managed gateway routes, as its agent is told to make it, with what that said last about the way out.
    package func routes(project: String, _ text: String) async throws(Problem) -> [UInt8] {
        let item = try await find(.gateway, project: project, text)
        guard let gateway = Gateway.unwrap(item.resource), let host = gateway.spec.host?.id else {
            throw Problem(
                .conflict, "gateway '\(item.name)' is an attachment: what its guest routes KC does not know",
                field: "gateway", value: item.name.text)
        }
        return cache.state.withLock { state in
            var writer = JSONWriter()
            writer.object { writer in
                writer.member("gateway", item.name)
                writer.member("host", state.items[host]?.name)
                writer.name("routes")
                writer.array { writer in
                    for route in state.routes(of: gateway, on: host) { route.write(to: &writer) }
                }
            }
            return writer.bytes
        }
    }
}

/// One route as people read it.
struct ListedRoute {
    enum Kind: String {
        case segment, delegated, unreachable, `default`, exported, translated
    }

    var destination: IPv6Prefix
    var kind: Kind
    /// The next hop and its device, or the device alone.
    var via: String?
    /// The segment or attachment whose it is.
    var of: Name?
    var state: String?

    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("destination", destination)
            writer.member("type", kind.rawValue)
            writer.member("via", via)
            writer.member("of", of)
            writer.member("state", state)
        }
    }
}

extension CacheState {
    /// Segments, what is delegated in them, what is nowhere else, and the ways out.
    func routes(of gateway: Resource<Gateway>, on host: ResourceID) -> [ListedRoute] {
        var own: [ListedRoute] = []
        for segment in gateway.assigned.ports.keys {
            guard let network = resource(segment, as: Segment.self), let prefix = network.assigned.prefix else {
                continue
            }
            let device = InterfaceName.gatewaySegment(network.assigned.vni)
            own.append(
                ListedRoute(destination: prefix, kind: .segment, via: "dev \(device)", of: network.metadata.name))
            for id in relations.attachmentsOfSegment[segment, default: []] where network.spec.dhcp != .none {
                guard let router = resource(id, as: Attachment.self), let prefix = router.assigned.delegatedPrefix
                else {
                    continue
                }
                let hop = learned.addresses[id, default: []].filter(\.isLinkLocal).min()
                own.append(
                    ListedRoute(
                        destination: prefix, kind: .delegated,
                        via: "\(hop ?? .linkLocal(router.assigned.mac)) dev \(device)", of: router.metadata.name))
            }
        }
        own.sort { $0.destination < $1.destination }
        let nowhere = own.map { ListedRoute(destination: $0.destination, kind: .unreachable, of: $0.of) }
        return own + nowhere + waysOut(of: gateway, on: host, exporting: own)
    }

    private func waysOut(
        of gateway: Resource<Gateway>, on host: ResourceID, exporting own: [ListedRoute]
    ) -> [ListedRoute] {
        var ways: [ListedRoute] = []
        let state = reports[gateway.metadata.id]?[host]?.details["wayOut"].map { $0 == "yes" ? "up" : $0 }
        switch gateway.spec.uplink?.way {
        case nil: break
        case .routed:
            ways.append(
                ListedRoute(destination: Route.everywhere, kind: .default, via: "fe80::1 dev up0", state: state))
            let name = InterfaceName.uplink(gateway.metadata.id.bytes)
            ways += own.map {
                ListedRoute(destination: $0.destination, kind: .exported, via: "fe80::2 dev \(name)", of: $0.of)
            }
        case .interface(let uplink):
            ways.append(
                ListedRoute(
                    destination: Route.everywhere, kind: .default, via: "\(uplink.nextHop) dev up0", state: state))
        }
        if let nat64 = gateway.spec.nat64 {
            ways.append(ListedRoute(destination: nat64.prefix, kind: .translated, via: "dev nat0"))
        }
        return ways
    }
}
