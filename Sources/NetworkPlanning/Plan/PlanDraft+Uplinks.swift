import Addressing
import NetworkModel
import Resources

extension PlanDraft {
    /// A gateway's way out: its device, its addresses, its routes, and what the host tells others of its segments.
    mutating func planUplink(of gateway: DesiredGateway) {
        let id = gateway.id
        removeUplinks(of: id)
        switch gateway.uplink?.way {
        case nil: _ = giveBack(in: .gateway(id), unless: { _ in false })
        case .routed:
            let wanted = WantedUplink.veth(of: id, mtu: context.desired.underlay.mtu.bytes)
            guard giveBack(in: .gateway(id), unless: { $0.taken == nil }) else { return }
            planVeth(wanted, of: id)
            settleAddresses(wanted.name, in: nil, as: [WantedUplink.outer], for: id)
            settleAddresses(.up0, in: .gateway(id), as: [WantedUplink.inner] + mapped(gateway), for: id)
        case .interface(let uplink):
            guard giveBack(in: .gateway(id), unless: { $0.taken?.name == uplink.interface }) else { return }
            guard take(uplink.interface, for: id) else { return }
            // Whoever is to have the role has the same addresses as who has it.
            let own = gateway.role == .next ? [] : uplink.addresses
            let addresses = own.map { InterfaceAddress($0.address, length: $0.length) }
            settleAddresses(.up0, in: .gateway(id), as: addresses + mapped(gateway), for: id)
        }
    }

    /// Routes inside, after the devices, and outside.
    mutating func planRoutes(of gateway: DesiredGateway) {
        let namespace = NamespaceName.gateway(gateway.id)
        let wanted = context.routes(of: gateway)
        let isNew = remadeUplinks.contains(gateway.id)
        let remade = Set(
            gateway.ports.filter { made.contains($0.value) || refused.contains(.attachment($0.value)) }
                .compactMap { context.desired.segments[$0.key].map { InterfaceName.gatewaySegment($0.vni) } })
        // With its device a route is gone too.
        let observed = (context.observed.inside[namespace]?.routes ?? []).filter { route in
            !(isNew && route.device == .up0) && !(route.device.map(remade.contains) ?? false)
        }
        for route in observed.subtracting(wanted).sorted() {
            add(.link(.removeRoute(route), in: namespace), for: .gateway(gateway.id), in: .gateways)
        }
        for route in wanted.subtracting(observed).sorted() {
            // Nothing leads through a device that is refused.
            if route.device == .up0, refusedUplinks.contains(gateway.id) { continue }
            if isUnreachable(route, of: gateway) { continue }
            add(.link(.addRoute(route), in: namespace), for: .gateway(gateway.id), in: .gateways)
        }
        let exported = refusedUplinks.contains(gateway.id) ? [] : context.exports(of: gateway)
        for route in exported.sorted() where isNew || !context.observed.exports.contains(route) {
            add(.export(route), for: .gateway(gateway.id), in: .gateways)
        }
        for route in context.observed.exports.sorted()
        where !exported.contains(route) && route.device == .uplink(gateway.id.bytes) {
            add(.withdraw(route), for: .gateway(gateway.id), in: .goodbye)
        }
    }

    /// Whether the route leads to a segment whose port is refused, or not to be had yet.
    private func isUnreachable(_ route: Route, of gateway: DesiredGateway) -> Bool {
        guard let device = route.device, device != .up0 else { return false }
        return !gateway.ports.contains { segment, port in
            context.desired.segments[segment].map { InterfaceName.gatewaySegment($0.vni) } == device
                && context.desired.attachments[port]?.segment == segment && !refused.contains(.attachment(port))
                && refusedSegments[segment] == nil
        }
    }

    /// What is left of the uplink of a gateway that is gone: others no longer hear of its segments, an operator's interface
    /// goes home before the namespace is deleted with all that is in it.
    mutating func planUplink(ofGone id: ResourceID) {
        for route in context.observed.exports.sorted() where route.device == .uplink(id.bytes) {
            add(.withdraw(route), for: .gateway(id), in: .goodbye)
        }
        for namespace in (context.seen.gateways[id] ?? []).sorted() {
            _ = giveBack(in: namespace, unless: { _ in false })
        }
        removeUplinks(of: id)
    }

    /// Routes that no gateway here stands for.
    mutating func planStrayExports() {
        let wanted = context.desired.gateways.values.reduce(into: Set<Route>()) {
            $0.formUnion(context.exports(of: $1))
        }
        for route in context.observed.exports.subtracting(wanted).sorted() {
            if context.desired.gateways.keys.contains(where: { route.device == .uplink($0.bytes) }) { continue }
            // A route of the same prefix that is wanted takes the place of this one.
            if wanted.contains(where: { $0.destination == route.destination }) { continue }
            add(.withdraw(route), for: .orphan, in: .goodbye)
        }
    }

    /// What is on the host of an uplink that the gateway has no more.
    private mutating func removeUplinks(of id: ResourceID) {
        for name in (context.seen.owned[.gateway(id)] ?? []).sorted() where context.isLeaving(name) {
            guard case .uplink(let mark) = context.seen.marks[name], let link = context.observed.links.links[name]
            else {
                continue
            }
            if let taken = mark.taken {
                for operation in taken.release(link) { add(.link(operation), for: .gateway(id), in: .clearPorts) }
            } else {
                add(.link(.delete(name)), for: .gateway(id), in: .clearPorts)
            }
        }
    }

    /// Moves the interface that is a gateway's way out back to the host, as it was.
    /// - Returns: whether the namespace's way out may be used now: false while its name is taken there by what KC must not
    ///   touch, or by what this plan moves away.
    private mutating func giveBack(in namespace: NamespaceName, unless isWanted: (UplinkMark) -> Bool) -> Bool {
        guard let link = context.observed.inside[namespace]?.links[.up0], case .uplink(let mark) = DeviceMark.of(link)
        else { return true }
        if isWanted(mark) { return true }
        remadeUplinks.insert(mark.gateway)
        guard let taken = mark.taken else {
            add(.link(.delete(.up0), in: namespace), for: .gateway(mark.gateway), in: .clearPorts)
            return true
        }
        let subject = Subject.gateway(mark.gateway)
        guard context.observed.links.links[taken.name] == nil else {
            refuse(
                subject, .failed,
                "the uplink's interface cannot be given back: a device named \(taken.name) exists on this host; rename it"
            )
            return false
        }
        add(.link(.move(.up0, to: nil, as: taken.name), in: namespace), for: subject, in: .clearPorts)
        for operation in taken.release(nil) { add(.link(operation), for: subject, in: .clearPorts) }
        return true
    }

    private mutating func planVeth(_ wanted: NewLink, of id: ResourceID) {
        let subject = Subject.gateway(id)
        let observed = context.observed.links.links[wanted.name]
        let isOurs = context.seen.marks[wanted.name] == .uplink(UplinkMark(gateway: id))
        let inside = context.observed.inside[.gateway(id)]?.links[.up0]
        let hasPeer = inside.flatMap(DeviceMark.of) == .uplink(UplinkMark(gateway: id))
        if let observed, !isOurs, !observed.isUnfinished {
            refusedUplinks.insert(id)
            return refuse(subject, .failed, ForeignDevice.message(observed))
        }
        guard let observed, isOurs, hasPeer else {
            remadeUplinks.insert(id)
            if observed != nil { add(.link(.delete(wanted.name)), for: subject, in: .ports) }
            return add(.link(.create(wanted)), for: subject, in: .ports)
        }
        if let change = LinkChange(from: observed.settings, to: wanted.settings) {
            add(.link(.change(wanted.name, change)), for: subject, in: .ports)
        }
        if let inside, let peer = wanted.peer, let change = LinkChange(from: inside.settings, to: peer.settings) {
            add(.link(.change(.up0, change), in: .gateway(id)), for: subject, in: .ports)
        }
    }

    /// Takes an operator's interface into the gateway; it is marked first, so that a crash in between loses nothing.
    /// - Returns: whether it is, or comes to be, there.
    private mutating func take(_ name: InterfaceName, for id: ResourceID) -> Bool {
        let subject = Subject.gateway(id)
        let namespace = NamespaceName.gateway(id)
        let inside = context.observed.inside[namespace]?.links[.up0]
        if let inside {
            guard case .uplink(let mark) = DeviceMark.of(inside), mark.taken?.name == name else {
                // Another one leaves with this plan.
                if case .uplink = DeviceMark.of(inside) { return take(new: name, for: id) }
                refusedUplinks.insert(id)
                refuse(
                    subject, .failed,
                    "a device named up0 exists in namespace \(namespace) and is not KC's; KC leaves it alone: delete it"
                )
                return false
            }
            if !inside.settings.isUp {
                add(.link(.change(.up0, LinkChange(isUp: true)), in: namespace), for: subject, in: .ports)
            }
            return true
        }
        return take(new: name, for: id)
    }

    private mutating func take(new name: InterfaceName, for id: ResourceID) -> Bool {
        let subject = Subject.gateway(id)
        guard let link = context.observed.links.links[name] else {
            refusedUplinks.insert(id)
            refuse(
                subject, .pending,
                "has no way out: waits for the interface \(name), which does not exist on this host; bring it back, or "
                    + "give the gateway another uplink")
            return false
        }
        let mark: UplinkMark
        if case .uplink(let present) = link.settings.alias.flatMap(DeviceMark.init(alias:)) {
            guard present.gateway == id else {
                refusedUplinks.insert(id)
                refuse(subject, .failed, "the interface \(name) is the uplink of gateway \(present.gateway)")
                return false
            }
            mark = present
        } else {
            if let obstacle = context.obstacle(toUplink: link) {
                refusedUplinks.insert(id)
                refuse(subject, .failed, "the interface \(name) cannot be an uplink: it \(obstacle)")
                return false
            }
            mark = UplinkMark(
                gateway: id,
                taken: UplinkMark.Taken(
                    name: name, wasDown: !link.settings.isUp,
                    formerAlias: link.settings.alias?.isEmpty == true ? nil : link.settings.alias))
            add(
                .link(.change(name, LinkChange(alias: DeviceMark.uplink(mark).alias))), for: subject, in: .ports)
        }
        remadeUplinks.insert(id)
        add(.link(.move(name, to: .gateway(id), as: .up0)), for: subject, in: .ports)
        add(.link(.change(.up0, LinkChange(isUp: true)), in: .gateway(id)), for: subject, in: .ports)
        return true
    }

    private mutating func settleAddresses(
        _ name: InterfaceName, in namespace: NamespaceName?, as list: [InterfaceAddress], for id: ResourceID
    ) {
        let links = namespace.map { context.observed.inside[$0] } ?? context.observed.links
        let isThere = links?.links[name] != nil && !remadeUplinks.contains(id)
        let observed = isThere ? links?.addresses[name] ?? [] : []
        let wanted = Set(list)
        for address in observed.subtracting(wanted).sorted() {
            add(.link(.removeAddress(name, address), in: namespace), for: .gateway(id), in: .gateways)
        }
        for address in wanted.subtracting(observed).sorted() {
            add(.link(.addAddress(name, address), in: namespace), for: .gateway(id), in: .gateways)
        }
    }

    private func mapped(_ gateway: DesiredGateway) -> [InterfaceAddress] {
        guard gateway.role != .next else { return [] }
        return gateway.uplink?.ipv4.map { [InterfaceAddress($0.address.mapped, length: $0.length + 96)] } ?? []
    }
}
