import Addressing
import Diagnosis
import NetworkModel
import Persistence
import Resources
import Synchronization

/// Probes of ways that lead through a gateway: the first part is measured as the way to the gateway's port.
extension NetworkService {
    /// From an attachment to the outside of its segment's gateway.
    /// - Parameter address: of what shall answer there; empty: the gateway and its next hop alone.
    func planWayOut(_ from: NamedEnd, _ address: String, _ flow: PathFlow) throws(Problem) -> PathPlan {
        var target: IPv6Address?
        if !address.isEmpty {
            target = try addressOutside(address, of: from)
        }
        guard let segment = from.segment else {
            return .refuse(
                PathJudge.refusal(
                    "segment", "a host is on no segment, and needs no gateway to the outside",
                    mend: "ask from an attachment"))
        }
        guard let gateway = cache.state.withLock({ $0.managedGateway(of: segment) }) else {
            let name = cache.item(.segment, segment)?.name.text ?? segment.description
            return .refuse(
                PathJudge.refusal(
                    "gateway", "segment \(name) has no managed gateway: nothing leads out of it that KC knows",
                    mend: "kcnet gateway create NAME --host HOST --segment \(name)"))
        }
        return try plan(from, through: gateway, to: target, on: nil, flow)
    }

    /// An IPv6 address, or an IPv4 address that the gateway translates.
    private func addressOutside(_ text: String, of from: NamedEnd) throws(Problem) -> IPv6Address {
        if let address = try? IPv6Address(parsing: text) { return address }  // anything else may be IPv4
        let nat64 = from.segment.flatMap { segment in
            cache.state.withLock { $0.managedGateway(of: segment)?.spec.nat64 }
        }
        if let address = IPv4Address(text), let nat64 { return nat64.embedding(address) }
        throw Problem(
            .invalidField,
            "what is outside is named by an address, as outside:2001:db8::1; by an IPv4 address where the gateway has NAT64",
            field: "to", value: String(text.prefix(64)))
    }

    /// nil when no gateway is needed, or none routes both.
    func planThroughGateway(_ from: NamedEnd, _ to: NamedEnd, _ flow: PathFlow) throws(Problem) -> PathPlan? {
        guard let own = from.segment, let other = to.segment, own != other, let target = to.end?.guest?.address,
            let gateway = cache.state.withLock({ $0.managedGateway(of: own) }), gateway.assigned.ports[other] != nil
        else { return nil }
        guard !target.isLinkLocal else {
            return .refuse(
                PathJudge.refusal(
                    "address", "\(to.item.name) has no address but its link-local one, which no router leads to",
                    mend: "see why it has none: its segment's prefix, its router advertisements"))
        }
        return try plan(from, through: gateway, to: target, on: other, flow)
    }

    private func plan(
        _ from: NamedEnd, through gateway: Resource<Gateway>, to target: IPv6Address?, on next: ResourceID?,
        _ flow: PathFlow
    ) throws(Problem) -> PathPlan {
        guard flow == .echo else {
            throw Problem(
                .invalidField,
                "through gateways only echoes are measured: leave 'flow' out (without '--port'); "
                    + "`kcnet trace` judges such a flow by all rules on its way", field: "flow", value: flow.description
            )
        }
        guard let segment = from.segment, let first = from.end, let port = gateway.assigned.ports[segment],
            let last = cache.state.withLock({ $0.gatewayEnd(port, on: segment) })
        else {
            return .refuse(
                PathJudge.refusal(
                    "\(from.item.name)", "\(from.item.name) is bound to no host, or its gateway is on none",
                    mend: "kcnet attachment update \(from.item.name) --host HOST"))
        }
        return .ask(
            PathTask(
                nonce: ProbeNonce(high: .random(in: 0...(.max)), low: .random(in: 0...(.max))), flow: flow,
                segment: segment, from: first, to: last,
                gateway: PathGateway(id: gateway.metadata.id, target: target, next: next), extras: extras(segment),
                resolver: resolver(segment)),
            conditions: [.exists(from.item.key)])
    }
}

extension CacheState {
    func managedGateway(of segment: ResourceID) -> Resource<Gateway>? {
        let gateway = holders.gateway[segment].flatMap { resource($0, as: Gateway.self) }
        // An attachment that routes is its guest's own affair.
        return gateway?.spec.host == nil ? nil : gateway
    }

    /// The gateway's port as an end of a way, by an address that its neighbours can ask for.
    func gatewayEnd(_ port: ResourceID, on segment: ResourceID) -> PathEnd? {
        guard var end = pathEnd(port), let found = resource(segment, as: Segment.self) else { return nil }
        // What it was given in the segment's prefix, or else made itself (`RouterAddresses`).
        if end.guest?.address.isLinkLocal == true {
            end.guest?.address = routerAddresses(of: found).first { !$0.isLinkLocal } ?? .segmentRouter
        }
        return end
    }

    func worldGateway(_ gateway: PathGateway, _ segment: ResourceID?) -> PathWorld.Gateway? {
        guard let found = resource(gateway.id, as: Gateway.self) else { return nil }
        return PathWorld.Gateway(
            name: found.metadata.name.text, namespace: .gateway(gateway.id), target: gateway.target,
            targetName: gateway.next == nil ? nil : gateway.target.map { "\($0)" },
            prefix: segment.flatMap { resource($0, as: Segment.self)?.assigned.prefix },
            isTranslated: gateway.target.map { found.spec.nat64?.prefix.contains($0) ?? false } ?? false)
    }
}
