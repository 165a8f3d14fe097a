package import Addressing
import DaemonConfigs
package import NetworkModel
import Resources

extension PlanDraft {
    /// The namespace of a gateway, before its ports; what is left of one that is gone.
    mutating func planNamespace(of id: ResourceID) {
        let subject = Subject.gateway(id)
        let name = NamespaceName.gateway(id)
        guard let gateway = context.carried(id) else {
            // A goodbye would take the guests' default route away, which leads to the same router elsewhere.
            let isSilent = context.desired.gateways[id]?.role == .former
            stop(daemon: DaemonInstance.radvd(of: id), for: .orphan, withdraw: !isSilent)
            stop(daemon: DaemonInstance.resolver(of: id), for: .orphan)
            stop(daemon: DaemonInstance.keaDHCP6(of: id), for: .orphan)
            stop(daemon: DaemonInstance.keaDHCP4(of: id), for: .orphan)
            stop(daemon: DaemonInstance.tayga(in: name), for: .orphan)
            stop(daemon: DaemonInstance.guestProxy(of: id), for: .orphan)
            planUplink(ofGone: id)
            for namespace in (context.seen.gateways[id] ?? []).sorted() {
                add(.deleteNamespace(namespace), for: subject, in: .removeNamespaces)
            }
            refusedGateways[id] = Refusal(subject, .pending, "waits to be told of gateway \(id)")
            return
        }
        let inside = context.observed.inside[name]
        let loopback = inside?.links[.loopback]?.settings
        let mark = DeviceMark.gateway(id)
        if context.observed.namespaces.contains(name) {
            guard let inside, let loopback else {
                refuse(subject, .pending, "waits to look into its namespace \(name)")
                refusedGateways[id] = refusals.last
                return
            }
            if loopback.alias != mark.alias, let stranger = inside.strangers.min() {
                refuse(
                    subject, .failed,
                    "a network namespace named \(name) exists on this host and is not KC's (it has \(stranger)); KC "
                        + "leaves it alone: rename or delete it (`ip netns delete \(name)`)")
                refusedGateways[id] = refusals.last
                return
            }
        } else {
            add(.createNamespace(name), for: subject, in: .namespaces)
        }
        if loopback?.alias != mark.alias || loopback?.isUp != true {
            add(
                .link(.change(.loopback, LinkChange(alias: mark.alias, isUp: true)), in: name), for: subject,
                in: .namespaces)
        }
        planFirewall(of: gateway)
        if inside?.isForwarding != true { add(.setForwarding(true, in: name), for: subject, in: .namespaces) }
    }

    /// A namespace that a crash left between its making and its marking, and that no gateway finishes any more.
    mutating func planUnfinishedNamespaces() {
        let wanted = Set(
            context.desired.gateways.values.filter { !$0.role.isOver }.map { NamespaceName.gateway($0.id) })
        for name in context.seen.unfinishedNamespaces.subtracting(wanted).sorted()
        where context.observed.inside[name]?.strangers.isEmpty == true {
            add(.deleteNamespace(name), for: .orphan, in: .removeNamespaces)
        }
    }

    /// Addresses and daemons of a gateway, after its ports.
    mutating func planServices(of id: ResourceID) {
        guard let gateway = context.carried(id), refusedGateways[id] == nil else { return }
        var advertised: [DesiredSegment] = []
        var routed: [DesiredSegment] = []
        for (segmentID, attachmentID) in gateway.ports.sorted(by: { $0.key < $1.key }) {
            // A port that is not there yet, or refused, does not hold the others up.
            guard let segment = context.desired.segments[segmentID], refusedSegments[segmentID] == nil,
                let attachment = context.desired.attachments[attachmentID],
                attachment.port == .gateway(id), attachment.segment == segmentID,
                !refused.contains(.attachment(attachmentID))
            else { continue }
            planAddresses(of: attachment, on: segment, gateway: gateway)
            routed.append(segment)
            if segment.ipam == .automatic, segment.prefix != nil { advertised.append(segment) }
        }
        planUplink(of: gateway)
        planRoutes(of: gateway)
        planAdvertisements(of: gateway, on: advertised, among: routed)
        planTranslator(of: gateway, on: advertised)
        planDHCP(of: gateway, on: advertised)
        planDHCPv4(of: gateway, on: routed)
        planResolver(of: gateway, on: routed)
        planGuestProxy(of: gateway)
    }

    private mutating func planAddresses(
        of attachment: DesiredAttachment, on segment: DesiredSegment, gateway: DesiredGateway
    ) {
        let id = gateway.id
        let namespace = NamespaceName.gateway(id)
        let name = InterfaceName.gatewaySegment(segment.vni)
        let wanted = RouterAddresses.of(attachment, on: segment, serving: !gateway.services.isEmpty)
        // A device that is made again has lost what the old one had.
        let observed =
            made.contains(attachment.id) ? [] : context.observed.inside[namespace]?.addresses[name] ?? []
        for address in wanted.subtracting(observed).sorted() {
            add(.link(.addAddress(name, address), in: namespace), for: .gateway(id), in: .gateways)
        }
        for address in observed.subtracting(wanted).sorted() {
            add(.link(.removeAddress(name, address), in: namespace), for: .gateway(id), in: .gateways)
        }
    }

    /// radvd, when any segment is `automatic`.
    /// - Parameter routed: all segments that it routes between.
    private mutating func planAdvertisements(
        of gateway: DesiredGateway, on segments: [DesiredSegment], among routed: [DesiredSegment]
    ) {
        let namespace = NamespaceName.gateway(gateway.id)
        let instance = DaemonInstance.radvd(of: gateway.id)
        guard !segments.isEmpty else { return stop(daemon: instance, for: .gateway(gateway.id)) }
        // A router without a way out must not draw its guests' traffic (RFC 7084 section 4.1, G-4).
        let hasWayOut = context.obstacleOutside(of: gateway) == nil || isSettlingOutside(gateway)
        // It still leads from one of its segments to the others.
        let reached = hasWayOut ? [] : routed.sorted { $0.vni < $1.vni }.compactMap(\.prefix)
        let areFew = reached.count - 1 <= RadvdConfiguration.maximumRoutes
        let interfaces = segments.sorted { $0.vni < $1.vni }.compactMap { segment in
            segment.prefix.map { prefix in
                RadvdConfiguration.Interface(
                    name: .gatewaySegment(segment.vni), prefix: prefix, mtu: segment.mtu,
                    routerLifetimeSeconds: hasWayOut ? Self.routerLifetimeSeconds : 0,
                    routes: areFew ? reached.filter { $0 != prefix } : [],
                    resolvers: context.resolvers(of: gateway, on: segment),
                    search: context.search(of: gateway, on: segment), isManaged: segment.dhcp.isManaged,
                    hasOther: segment.dhcp.hasOther)
            }
        }
        let configuration = RadvdConfiguration(interfaces: interfaces).text
        // Whether it runs is its supervisor's to see to: that restarts it, with growing pauses.
        guard var running = context.observed.daemons[instance]?.configuration else {
            return ensure(instance, configuration, for: gateway.id, in: .gateways)
        }
        guard running != configuration else { return }
        let present = context.observed.inside[namespace]?.links.keys.sorted() ?? []
        let leaving = present.filter { name in
            RadvdConfiguration.advertises(running, on: name) && !interfaces.contains { $0.name == name }
        }
        if !leaving.isEmpty {
            // radvd forgets an interface without a word when it reads its configuration again. So it forgets first, and
            // then another process says goodbye there while the port still forwards.
            let staying = interfaces.filter { RadvdConfiguration.advertises(running, on: $0.name) }
            if !staying.isEmpty {
                running = RadvdConfiguration(interfaces: staying).text
                ensure(instance, running, for: gateway.id, in: .goodbye)
            }
            let farewell = DaemonInstance.farewell(of: gateway.id)
            ensure(farewell, RadvdConfiguration.farewell(on: leaving), for: gateway.id, in: .goodbye)
            stopped.insert(farewell)
            add(.stopDaemon(instance: farewell, withdraw: true), for: .gateway(gateway.id), in: .goodbye)
        }
        if running != configuration { ensure(instance, configuration, for: gateway.id, in: .gateways) }
    }

    /// Whether this plan puts the way out there that the gateway was prepared to have: what guests are told then stays.
    private func isSettlingOutside(_ gateway: DesiredGateway) -> Bool {
        guard case .interface(let uplink) = gateway.uplink?.way,
            let inside = context.observed.inside[.gateway(gateway.id)], inside.links[.up0]?.isRunning == true,
            let running = context.observed.daemons[DaemonInstance.radvd(of: gateway.id)]?.configuration
        else { return false }
        let route = Route(Route.everywhere, .via(uplink.nextHop, .up0))
        return !inside.routes.contains(route) && running.contains("AdvDefaultLifetime \(Self.routerLifetimeSeconds);")
    }

    private mutating func ensure(_ instance: String, _ configuration: String, for id: ResourceID, in phase: Phase) {
        add(
            .ensureDaemon(
                DaemonSpec(
                    program: .radvd, instance: instance, namespace: NamespaceName.gateway(id).text,
                    configuration: configuration)),
            for: .gateway(id), in: phase)
    }

    /// AdvDefaultLifetime: the default of RFC 4861 section 6.2.1 for its default interval. Advertisements come far more
    /// often (RadvdConfiguration), so guests keep their route while a router is replaced.
    static let routerLifetimeSeconds = 1800
}

/// What a managed gateway is reached at on a segment.
package enum RouterAddresses {
    /// fe80::1 always, and fe80::a9fe:a9fe where it offers services; of a segment's IPv4 prefix the first host address,
    /// in its mapped form. In the segment's /64 what the attachment was given, or else one made from the router's MAC, so
    /// that the gateway has a route to the segment.
    static func of(
        _ attachment: DesiredAttachment, on segment: DesiredSegment, serving: Bool
    ) -> Set<InterfaceAddress> {
        var addresses: Set = [InterfaceAddress(.segmentRouter, length: 64)]
        if serving { addresses.insert(InterfaceAddress(.guestServices, length: 64)) }
        guard let prefix = segment.prefix else { return addresses }
        if let ipv4 = segment.ipv4 {
            addresses.insert(InterfaceAddress(ipv4.router.mapped, length: ipv4.prefix.length + 96))
        }
        let before = addresses.count
        for address in attachment.addresses where prefix.contains(address.value) && address.origin != .learned {
            addresses.insert(InterfaceAddress(address.value, length: prefix.length))
        }
        if addresses.count == before {
            let identifier = RouterMAC.derive(segment: segment.id).modifiedEUI64
            addresses.insert(
                InterfaceAddress(IPv6Address(high: prefix.address.high, low: identifier), length: prefix.length))
        }
        return addresses
    }

    /// The IPv6 ones without lengths, in order.
    package static func all(
        of attachment: DesiredAttachment, on segment: DesiredSegment, serving: Bool
    ) -> [IPv6Address] {
        of(attachment, on: segment, serving: serving).map(\.address).filter { !$0.isIPv4Mapped }.sorted()
    }
}

extension ObservedLinks {
    /// Devices of a namespace that neither KC nor the kernel put there.
    var strangers: [InterfaceName] {
        links.values.filter {
            $0.name != .loopback && !$0.isUnfinished && DeviceMark.of($0) == nil
                && !Self.fallbackDevices.contains($0.name.text)
        }.map(\.name)
    }

    /// What the kernel's tunnel modules put into every new namespace (net.core.fb_tunnels_only_for_init_net).
    private static let fallbackDevices: Set = [
        "erspan0", "gre0", "gretap0", "ip6_vti0", "ip6gre0", "ip6tnl0", "ip_vti0", "sit0", "tunl0",
    ]
}

extension InterfaceAddress: Comparable {
    package static func < (left: InterfaceAddress, right: InterfaceAddress) -> Bool {
        (left.address, left.length) < (right.address, right.length)
    }
}

extension NamespaceName {
    /// What the names of gateways' namespaces begin with.
    static let gatewayPrefix = "kcg-"
}
