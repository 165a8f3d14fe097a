import Addressing
import NetworkModel
import NetworkPlanning
import Resources

/// What hosts are told of a gateway's role, and what they say of it.
extension CacheState {
    /// The MACs that may act as the router of a segment: first who does, then who is to, then who takes his leave.
    func routers(of segment: ResourceID) -> [MACAddress] {
        guard let gateway = holders.gateway[segment].flatMap({ resource($0, as: Gateway.self) }) else { return [] }
        let leaving = gateway.assigned.formers.filter(\.saysGoodbye).map(\.ports)
        var macs: [MACAddress] = []
        for ports in [gateway.assigned.ports, gateway.assigned.next?.ports ?? [:]] + leaving {
            guard let mac = ports[segment].flatMap({ resource($0, as: Attachment.self) })?.assigned.mac else {
                continue
            }
            if !macs.contains(mac) { macs.append(mac) }
        }
        return macs
    }

    /// What one of its hosts has to do with a gateway.
    func desiredGateway(_ gateway: Resource<Gateway>, on host: ResourceID) -> DesiredGateway {
        let (id, generation) = (gateway.metadata.id, gateway.metadata.generation)
        var ports = gateway.assigned.ports
        var role = GatewayRole.active
        var term = gateway.assigned.term
        if gateway.spec.host?.id != host {
            guard let next = gateway.assigned.next, next.holder == .host(host) else {
                let former = gateway.assigned.formers.first { $0.host == host }
                return DesiredGateway(
                    id: id, generation: generation, ports: [:], resolvers: [],
                    role: former?.saysGoodbye == true ? .leaving : .former, term: term)
            }
            (role, ports, term) = (.next, next.ports, next.term)
        }
        return DesiredGateway(
            id: id, generation: generation, ports: ports, resolvers: gateway.spec.resolvers,
            resolver: desiredResolver(gateway), uplink: gateway.spec.uplink, policies: gateway.effectivePolicies,
            limits: gateway.spec.limits, nat64: desiredNAT64(of: gateway), services: desiredServices(of: id),
            role: role, term: term)
    }

    func facts(of gateway: Resource<Gateway>) -> GatewayMove.Facts {
        var hosts: [ResourceID: GatewayMove.Facts.Host] = [:]
        for segment in gateway.assigned.ports.keys {
            let routers = routers(of: segment)
            let text = DesiredSegment.text(ofRouters: routers)
            for host in relations.hostsOfSegment[segment, default: [:]].keys {
                let said = reports[segment]?[host]?.details[DesiredSegment.routersDetail]
                let known = hosts[host]?.hasAdmitted ?? true
                hosts[host] = GatewayMove.Facts.Host(
                    isUp: isUp(host), hasAdmitted: known && (routers.count < 2 || said == text))
            }
        }
        let clear = gateway.formerCarriers.filter { isClear($0, of: gateway) }
        return GatewayMove.Facts(
            hosts: hosts, nextWaitsFor: gateway.assigned.next.flatMap { obstacle(to: $0, of: gateway) },
            clear: Set(clear))
    }

    private func isUp(_ host: ResourceID) -> Bool { leases[host] != nil }

    /// A host that was deleted has nothing any more.
    private func isClear(_ host: ResourceID, of gateway: Resource<Gateway>) -> Bool {
        guard items[host] != nil else { return true }
        guard let report = reports[gateway.metadata.id]?[host], report.phase == .wired,
            let role = report.details[DesiredGateway.roleDetail].flatMap(GatewayRole.init(rawValue:))
        else { return false }
        return role.isOver && report.details[DesiredGateway.termDetail] == "\(gateway.assigned.term)"
    }

    /// What the next holder waits for; nil when it is ready.
    private func obstacle(to next: NextHolder, of gateway: Resource<Gateway>) -> String? {
        switch next.holder {
        case .host(let id):
            guard let host = items[id] else { return "its host is gone" }
            guard isUp(id) else { return "host '\(host.name)' is not up" }
            guard let report = reports[gateway.metadata.id]?[id],
                report.generation >= gateway.metadata.generation,
                report.details[DesiredGateway.roleDetail] == GatewayRole.next.rawValue,
                report.details[DesiredGateway.termDetail] == "\(next.term)"
            else { return "host '\(host.name)' has not reported yet" }
            guard report.phase != .wired else { return nil }
            return "host '\(host.name)': \(report.message ?? report.phase.rawValue)"
        case .attachment(let id):
            guard let item = items[id], let attachment = Attachment.unwrap(item.resource) else {
                return "the attachment is gone"
            }
            guard let host = attachment.spec.host?.id else { return "attachment '\(item.name)' is bound to no host" }
            guard isUp(host) else {
                return "host '\(items[host]?.name.text ?? host.description)' of attachment '\(item.name)' is not up"
            }
            guard let report = reports[id]?[host], report.phase == .wired else {
                return "attachment '\(item.name)': \(reports[id]?[host]?.message ?? "its host has not reported yet")"
            }
            return nil
        }
    }

    /// For people.
    func text(of obstacle: GatewayMove.Obstacle) -> String {
        func name(_ host: ResourceID) -> String { "host '\(items[host]?.name.text ?? host.description)'" }
        switch obstacle {
        case .readiness(let reason): return "the next one is not ready: \(reason)"
        case .admission(let host): return "\(name(host)) has not said yet that it admits the next one"
        case .former(let host):
            return "\(name(host)) has not said yet that nothing is left there" + (isUp(host) ? "" : ": it is not up")
        }
    }
}
