import Addressing
import NetworkModel
import Resources

/// Through gateways, to IPv4 and outside.
extension WayRun {
    /// A gateway's namespace gets a packet.
    mutating func route(
        _ packet: WayPacket, at id: ResourceID, on host: ResourceID, from input: GatewayRouter.Interface
    ) -> End {
        guard let router = predictor.hosts[host]?.routers[id] else { return stop(.noRoute(gateway: id), packet) }
        if let judgement = router.source(packet, from: input) {
            note(.filtered(gateway: id, judgement), packet, on: host)
            return .ended
        }
        let choice = router.choice(packet.destination)
        let isKnown = connections.contains(id)
        if choice == .local {
            note(.routed(gateway: id, choice), packet, on: host)
            let judgement = router.input(packet, from: input, isKnown: isKnown)
            note(.filtered(gateway: id, judgement), packet, on: host)
            guard judgement.reason == nil else { return .ended }
            connections.insert(id)
            return .taken(id)
        }
        if packet.source.isLinkLocal || packet.destination.isLinkLocal { return stop(.scope, packet, on: host) }
        guard case .interface(let output, let nextHop, _) = choice else {
            note(.routed(gateway: id, choice), packet, on: host)
            return stop(.noRoute(gateway: id), packet, on: host)
        }
        note(.routed(gateway: id, choice), packet, on: host)
        if case .icmpv6(let type) = packet.content, type < 128 {
            return stop(.relatedOnly(gateway: id), packet, on: host)
        }
        let judgement = router.forward(packet, from: input, to: output, isKnown: isKnown)
        note(.filtered(gateway: id, judgement), packet, on: host)
        guard judgement.reason == nil else { return .ended }
        connections.insert(id)
        switch output {
        case .segment(let segment):
            guard let port = router.gateway.ports[segment] else { return stop(.noRoute(gateway: id), packet) }
            return send(packet, from: port, nextHop: nextHop ?? packet.destination)
        case .uplink: return leave(packet, router, on: host, nextHop)
        case .translator: return translate(packet, router, on: host)
        }
    }

    private mutating func leave(
        _ packet: WayPacket, _ router: GatewayRouter, on host: ResourceID, _ nextHop: IPv6Address?
    ) -> End {
        let id = router.gateway.id
        if router.gateway.uplink?.way == .routed,
            predictor.hosts[host]?.snapshot.vteps.contains(packet.destination) == true
        {
            return stop(.tunnelEndpoint(gateway: id), packet, on: host)
        }
        note(.out(gateway: id, nextHop: nextHop), packet, on: host)
        exit = exit ?? id
        // Another segment of KC's, behind another gateway: what is between is the operator's.
        for (segment, table) in predictor.hosts.values.flatMap(\.snapshot.bindings) {
            guard let holder = table[packet.destination]?.attachment, predictor.places[holder] != nil,
                let next = predictor.gateway(of: segment), next.id != id
            else { continue }
            _ = stop(.between(gateway: id), packet)
            return enter(next.id, packet)
        }
        return .outside
    }

    /// Something outside sends a packet to a gateway.
    mutating func enter(_ id: ResourceID, _ packet: WayPacket) -> End {
        guard
            let (host, router) = predictor.hosts.lazy.compactMap({ host, view in
                view.routers[id].map { (host, $0) }
            }).first
        else { return stop(.noRoute(gateway: id), packet) }
        guard router.gateway.uplink != nil else { return stop(.noUplink(gateway: id), packet, on: host) }
        note(.in(gateway: id), packet, on: host)
        guard let nat64 = router.gateway.nat64, nat64.prefix.contains(packet.source) else {
            return route(packet, at: id, on: host, from: .uplink)
        }
        let ipv4 = IPv4Address(UInt32(truncatingIfNeeded: packet.source.low))
        let mapping = nat64.mappings.first { $0.value == packet.destination }
        guard connections.contains(id) || mapping != nil else {
            let holder = predictor.holders(of: packet.destination).first
            return stop(holder.map { .noMapping($0) } ?? .noRoute(gateway: id), packet, on: host)
        }
        guard NAT64(prefix: nat64.prefix).mayCarry(ipv4) else {
            return stop(.untranslated(gateway: id, .notGlobal), packet, on: host)
        }
        note(.toIPv6(gateway: id), packet, on: host)
        return route(packet, at: id, on: host, from: .translator)
    }

    private mutating func translate(_ packet: WayPacket, _ router: GatewayRouter, on host: ResourceID) -> End {
        let id = router.gateway.id
        guard let nat64 = router.gateway.nat64 else { return stop(.noIPv4(gateway: id), packet, on: host) }
        let mapped = nat64.mappings.first { $0.value == packet.source }?.key
        // One of the block, which the filter hides behind the gateway's own: which one does not matter.
        let block = IPv4Address(IPv4Prefix.translatorBlock.address.value + 1)
        let rules = TranslationRules(
            prefix: nat64.prefix, own: router.gateway.uplink?.ipv4?.address, mappings: nat64.mappings,
            holders: mapped == nil && nat64.outgoing != nil ? [block: packet.source] : [:])
        do throws(TranslationDrop) {
            _ = try PacketTranslator(rules).toIPv4(packet.bytes)
        } catch { return stop(.untranslated(gateway: id, error), packet, on: host) }
        guard let target = rules.extracted(from: packet.destination), let source = mapped ?? nat64.outgoing else {
            return stop(.untranslated(gateway: id, .unmapped), packet, on: host)
        }
        note(
            .toIPv4(gateway: id, source: source, destination: target, isShared: mapped == nil), packet, on: host)
        if let inside = nat64.mappings[target] {
            var turned = packet
            turned.source = rules.embedded(source)
            turned.destination = inside
            note(.toIPv6(gateway: id), turned, on: host)
            // Another connection to the filter: with other addresses.
            connections.remove(id)
            return route(turned, at: id, on: host, from: .translator)
        }
        if target == nat64.outgoing || target == rules.own { return stop(.gatewayIPv4(gateway: id), packet, on: host) }
        guard router.gateway.uplink?.ipv4 != nil else { return stop(.noIPv4(gateway: id), packet, on: host) }
        note(.out(gateway: id, nextHop: nil), packet, on: host)
        exit = id
        return .outside
    }

    /// What a gateway itself sends, to a segment of its own or outside.
    mutating func sendFromGateway(_ id: ResourceID, _ packet: WayPacket) -> End {
        guard
            let (host, router) = predictor.hosts.lazy.compactMap({ host, view in
                view.routers[id].map { (host, $0) }
            }).first
        else { return stop(.noRoute(gateway: id), packet) }
        // What was asked over a link is answered over it: link-local addresses have no route that says which.
        if packet.destination.isLinkLocal, let first = hops.first, case .leaves(let guest, _, _) = first.kind,
            let segment = predictor.attachment(guest)?.segment, let port = router.gateway.ports[segment]
        {
            return send(packet, from: port, nextHop: packet.destination)
        }
        let choice = router.choice(packet.destination)
        note(.routed(gateway: id, choice), packet, on: host)
        guard case .interface(let output, let nextHop, _) = choice else {
            return stop(.noRoute(gateway: id), packet, on: host)
        }
        switch output {
        case .segment(let segment):
            guard let port = router.gateway.ports[segment] else { return stop(.noRoute(gateway: id), packet) }
            return send(packet, from: port, nextHop: nextHop ?? packet.destination)
        case .uplink, .translator:
            note(.out(gateway: id, nextHop: nextHop), packet, on: host)
            return .outside
        }
    }
}
