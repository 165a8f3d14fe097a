import Addressing
import DaemonConfigs
import NetworkModel
import Resources

extension PlanDraft {
    /// kc-proxy, when the gateway offers its guests anything: one for all of its segments.
    mutating func planGuestProxy(of gateway: DesiredGateway) {
        let instance = DaemonInstance.guestProxy(of: gateway.id)
        guard !gateway.services.isEmpty else { return stop(daemon: instance, for: .gateway(gateway.id)) }
        let configuration = context.guestProxy(of: gateway).text
        guard context.observed.daemons[instance]?.configuration != configuration,
            proxied.insert(gateway.id).inserted
        else { return }
        add(
            .ensureDaemon(
                DaemonSpec(
                    program: .guestProxy, instance: instance, namespace: NamespaceName.gateway(gateway.id).text,
                    configuration: configuration)),
            for: .gateway(gateway.id), in: .gateways)
    }
}

extension PlanContext {
    /// What the gateway offers, on each segment, and who has which address there by the binding table: the same that the
    /// guards of the ports hold sources against.
    fileprivate func guestProxy(of gateway: DesiredGateway) -> GuestProxyConfiguration {
        var configuration = GuestProxyConfiguration(services: gateway.services.compactMap(\.configuration))
        for (id, port) in gateway.ports {
            guard let segment = desired.segments[id] else { continue }
            let interface = InterfaceName.gatewaySegment(segment.vni)
            configuration.places.formUnion([.init(interface, .segmentRouter), .init(interface, .guestServices)])
            // For clients that cannot write a link-local address, and for the name of the service.
            for address in ownAddresses(of: gateway, on: segment) {
                configuration.places.insert(.init(interface, address))
            }
            if let ipv4 = segment.ipv4 {
                // What goes to 169.254.169.254 comes there too (GatewayRuleset).
                configuration.places.insert(.init(interface, ipv4.router.mapped))
                for kept in (desired.reservations[id] ?? [:]).values {
                    guard let address = kept.ipv4,
                        let owner = GuestProxyConfiguration.Identifier(kept.attachment.description)
                    else { continue }
                    configuration.guests[.init(interface, address.mapped)] = owner
                }
            }
            for binding in (desired.bindings[id] ?? [:]).values where binding.attachment != port {
                guard let owner = GuestProxyConfiguration.Identifier(binding.attachment.description) else { continue }
                configuration.guests[.init(interface, binding.address)] = owner
            }
        }
        return configuration
    }
}

extension DesiredService {
    /// nil for nothing that was admitted: ids and sockets' names have forms that always pass.
    fileprivate var configuration: GuestProxyConfiguration.Service? {
        guard let id = GuestProxyConfiguration.Identifier(id.description) else { return nil }
        let to: GuestProxyConfiguration.Consumer
        switch consumer {
        case .socket(let name):
            guard let path = ConfigurationPath("\(ServiceConsumer.folder)/\(name)") else { return nil }
            to = .socket(path)
        case .server(let address, let port): to = .server(address, port: port)
        }
        return GuestProxyConfiguration.Service(id: id, port: port, connections: connections, consumer: to)
    }
}
