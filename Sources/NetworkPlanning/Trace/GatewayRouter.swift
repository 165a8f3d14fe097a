package import Addressing
import Frames
package import NFTables
package import NetworkModel
package import Resources

/// A managed gateway's routes and filter, as its namespace has them: from the same values that are planned.
///
/// Rates are taken to have room; connections are those that a caller remembers.
package struct GatewayRouter: Sendable {
    /// Where a packet comes in or goes out.
    package enum Interface: Hashable, Sendable {
        case segment(ResourceID)
        case uplink
        case translator
    }

    /// What the routes say.
    package enum Choice: Hashable, Sendable {
        /// To the gateway itself.
        case local
        case interface(Interface, nextHop: IPv6Address?, IPv6Prefix)
        case unreachable(IPv6Prefix)
        case none
    }

    /// What the filter says; no reason: it passes.
    package struct Judgement: Hashable, Sendable {
        package var reason: GatewayRuleset.Reason?
        /// The chain that decides, and its rule in words.
        package var chain: String
        package var rule: String

        init(_ reason: GatewayRuleset.Reason?, _ chain: String, _ rule: String) {
            self.reason = reason
            self.chain = chain
            self.rule = rule
        }
    }

    package let gateway: DesiredGateway
    package let ruleset: GatewayRuleset
    /// Addresses of its segments that somebody has.
    package let known: Set<IPv6Address>
    private let locals: Set<IPv6Address>
    /// The longest first, and of equal ones the one that leads somewhere.
    private let routes: [(prefix: IPv6Prefix, interface: Interface?, nextHop: IPv6Address?)]
    private let prefixes: [IPv6Prefix]
    /// Of the interfaces to its segments.
    private let names: [ResourceID: InterfaceName]

    init(_ gateway: DesiredGateway, _ context: PlanContext) {
        self.gateway = gateway
        ruleset = context.firewall(of: gateway)
        var known: Set<IPv6Address> = []
        var locals: Set<IPv6Address> = [.segmentRouter]
        var routes: [(prefix: IPv6Prefix, interface: Interface?, nextHop: IPv6Address?)] = []
        var segments: [InterfaceName: ResourceID] = [:]
        for (id, port) in gateway.ports {
            guard let segment = context.desired.segments[id], let attachment = context.desired.attachments[port] else {
                continue
            }
            segments[.gatewaySegment(segment.vni)] = id
            known.formUnion(context.known(on: id))
            // Of IPv4 nothing is routed.
            for address in RouterAddresses.of(attachment, on: segment, serving: !gateway.services.isEmpty)
            where !address.address.isIPv4Mapped {
                locals.insert(address.address)
                guard !address.address.isLinkLocal, !address.address.isIPv4Mapped else { continue }
                routes.append(
                    (IPv6Prefix(containing: address.address, length: address.length), .segment(id), nil))
            }
        }
        for route in context.routes(of: gateway) where !route.destination.address.isIPv4Mapped {
            switch route.target {
            case .unreachable: routes.append((route.destination, nil, nil))
            case .via(let hop, let device):
                routes.append(
                    (route.destination, device == .up0 ? .uplink : segments[device].map(Interface.segment), hop))
            }
        }
        if case .interface(let uplink) = gateway.uplink?.way, gateway.role != .next {
            for address in uplink.addresses {
                locals.insert(address.address)
                routes.append((address.prefix, .uplink, nil))
            }
        }
        if let nat64 = gateway.nat64 { routes.append((nat64.prefix, .translator, nil)) }
        self.known = known
        names = Dictionary(segments.map { ($0.value, $0.key) }) { $1 }
        self.locals = locals
        self.routes = routes.sorted {
            ($1.prefix.length, $0.interface == nil ? 1 : 0) < ($0.prefix.length, $1.interface == nil ? 1 : 0)
        }
        prefixes = ruleset.segments.map(\.prefix)
    }

    /// Where the routes lead.
    package func choice(_ destination: IPv6Address) -> Choice {
        if locals.contains(destination) { return .local }
        guard let route = routes.first(where: { $0.prefix.contains(destination) }) else { return .none }
        guard let interface = route.interface else { return .unreachable(route.prefix) }
        return .interface(interface, nextHop: route.nextHop, route.prefix)
    }

    /// Whether the route to the source leads by where the packet came from (fib saddr . iif; a less specific one that does
    /// so does not count).
    private func isReached(_ source: IPv6Address, by interface: Interface) -> Bool {
        routes.first { $0.prefix.contains(source) }?.interface == interface
    }

    /// Before routing: packets whose source is not reached by where they came from.
    package func source(_ packet: WayPacket, from interface: Interface) -> Judgement? {
        guard interface != .translator, !packet.source.isLinkLocal, !isReached(packet.source, by: interface) else {
            return nil
        }
        return Judgement(.spoofed, "source", "the route to \(packet.source) does not lead by where it came in")
    }

    /// What it forwards. `isKnown`: of a connection that it has let through.
    package func forward(
        _ packet: WayPacket, from input: Interface, to output: Interface, isKnown: Bool
    ) -> Judgement {
        if isKnown { return Judgement(nil, "forward", "of a connection that was let through") }
        if Self.isInvalid(packet) {
            return Judgement(.invalid, "forward", "belongs to no connection and begins none")
        }
        switch (input, output) {
        case (.uplink, .uplink), (.translator, .uplink):
            return Judgement(.policy, "from-outside", "nothing comes from outside and goes there")
        case (.uplink, _), (.translator, _):
            return crossing(packet, ruleset.ingress, packet.source, "from-outside")
        case (_, .uplink), (_, .translator):
            return crossing(packet, ruleset.egress, packet.destination, "to-outside")
        case (.segment, .segment): return Judgement(nil, "between", "between its segments everything passes")
        }
    }

    private func crossing(
        _ packet: WayPacket, _ rules: [GatewayRuleset.Rule]?, _ peer: IPv6Address, _ chain: String
    ) -> Judgement {
        guard let rules else { return Judgement(nil, chain, "the gateway has no policies: everything passes") }
        if case .icmpv6(let type) = packet.content, [1, 2, 3, 4, 128, 129].contains(type) {
            return Judgement(nil, chain, "errors and echoes pass (RFC 4890)")
        }
        for (number, rule) in rules.enumerated() where rule.matches(packet, peer) {
            return Judgement(nil, chain, "rule \(number + 1) of its policies lets it through")
        }
        return Judgement(.policy, chain, "no rule of the gateway's policies lets it through")
    }

    /// What is for the gateway itself.
    package func input(_ packet: WayPacket, from interface: Interface, isKnown: Bool) -> Judgement {
        if isKnown { return Judgement(nil, "input", "of a connection that was let through") }
        let isFromGuests = if case .segment = interface { true } else { false }
        let chain = isFromGuests ? "from-guests" : "from-uplink"
        let passes: Bool =
            switch packet.content {
            case .icmpv6(let type):
                isFromGuests
                    ? [1, 2, 3, 4, 128, 129, 130, 131, 132, 133, 135, 136, 143].contains(type)
                    : [1, 2, 3, 4, 128, 130, 131, 132, 135, 136, 143].contains(type)
            case .tcp(_, let port, _):
                isFromGuests
                    && (port == 53
                        || isService(packet.destination, from: interface) && ruleset.servicePorts.contains(port))
            case .udp(_, let port): isFromGuests && (port == 53 || port == 547)
            // IPv4 is not routed.
            case .icmp: false
            }
        return passes
            ? Judgement(nil, chain, "one of the gateway's services")
            : Judgement(.input, chain, "none of the gateway's services")
    }

    private func isService(_ address: IPv6Address, from interface: Interface) -> Bool {
        if address == .segmentRouter || address == .guestServices { return true }
        guard case .segment(let segment) = interface, let name = names[segment] else { return false }
        return ruleset.serviceAddresses.contains(.init(interface: name, address: address))
    }

    /// What conntrack makes of a packet of no connection (nf_conntrack_proto_icmpv6.c, nf_conntrack_proto_tcp.c).
    private static func isInvalid(_ packet: WayPacket) -> Bool {
        switch packet.content {
        case .tcp(_, _, let isAnswer): isAnswer
        case .udp, .icmp: false
        // Queries begin something; MLD and Neighbor Discovery are not tracked.
        case .icmpv6(let type): !(type == 128 || type == 139 || (130...137).contains(type) || type == 143)
        }
    }
}

extension GatewayRuleset.Rule {
    fileprivate func matches(_ packet: WayPacket, _ peer: IPv6Address) -> Bool {
        if let transport, transport != packet.transport { return false }
        switch packet.content {
        case .tcp(_, let port, _), .udp(_, let port):
            if !types.isEmpty || !(ports.isEmpty || ports.contains { $0.contains(port) }) { return false }
        case .icmpv6(let type):
            if !ports.isEmpty || !(types.isEmpty || types.contains(type)) { return false }
        case .icmp: return false
        }
        return peers.map { $0.contains { $0.contains(peer) } } ?? true
    }
}
