import Addressing
import Glibc
import NetworkPlanning
import NodePorts

/// Looking: whole dumps, or single devices for the way of one change.
extension LinkWork {
    /// All but the gates of ports.
    func observe() throws(NodeError) -> ObservedLinks {
        do throws(KernelError) {
            request.getLink(nil)
            let answers = try netlink.dump([LinkAnswer]()) { answers, message in
                if let answer = LinkAnswer(message) { answers.append(answer) }
            }
            var names: [Int32: InterfaceName] = [:]
            names.reserveCapacity(answers.count)
            for answer in answers { names[answer.index] = interfaceName(answer.name) }
            var observed = ObservedLinks()
            observed.links.reserveCapacity(answers.count)
            for answer in answers {
                guard let name = names[answer.index] else { continue }
                observed.links[name] = answer.observed(as: name) { names[$0] }
            }
            request.getForwardingEntries()
            try collectFloods(into: &observed) { names[$0] }
            try collectAddresses(into: &observed, index: 0) { names[$0] }
            try collectRoutes(into: &observed) { names[$0] }
            return observed
        } catch {
            throw error.error("observe", "devices")
        }
    }

    /// The devices of those names that exist, with their floods and addresses, at a cost that does not grow with how many
    /// others there are; and what is of the namespace as a whole.
    func observe(links wanted: Set<InterfaceName>) throws(NodeError) -> ObservedLinks {
        var observed = ObservedLinks()
        for name in wanted { observed.links[name] = try observe(link: name) }
        do throws(KernelError) {
            for link in observed.links.values {
                let nameOf: (Int32) -> InterfaceName? = { $0 == link.index ? link.name : nil }
                if case .vxlan = link.kind {
                    request.getForwardingEntries(index: link.index)
                    try collectFloods(into: &observed, nameOf: nameOf)
                }
                try collectAddresses(into: &observed, index: link.index, nameOf: nameOf)
            }
            var names: [Int32: InterfaceName] = [:]
            for link in observed.links.values { names[link.index] = link.name }
            try collectRoutes(into: &observed) { names[$0] }
            return observed
        } catch {
            throw error.error("observe", "\(wanted.count) devices")
        }
    }

    func observe(link name: InterfaceName) throws(NodeError) -> ObservedLink? {
        request.getLink(name)
        do throws(KernelError) {
            return try netlink.get(LinkAnswer.init)?.observed(nameOf: context.name(of:))
        } catch  where error.errno == ENODEV {
            return nil
        } catch {
            throw error.error("observe", name.text)
        }
    }

    /// The request for the dump was built by the caller.
    private func collectFloods(
        into observed: inout ObservedLinks, nameOf: (Int32) -> InterfaceName?
    ) throws(KernelError) {
        let found = try netlink.dump(FoundEntries()) { found, message in
            if let flood = FloodAnswer(message), let name = nameOf(flood.index) {
                found.floods[name, default: []].insert(flood.destination)
            } else if let stray = StrayAnswer(message), let name = nameOf(stray.index) {
                found.strays[name, default: []].insert(stray.entry)
            }
        }
        observed.floods.merge(found.floods) { $1 }
        for (name, strays) in found.strays { observed.links[name]?.strays = strays }
    }

    private func collectAddresses(
        into observed: inout ObservedLinks, index: Int32, nameOf: (Int32) -> InterfaceName?
    ) throws(KernelError) {
        let links = observed.links
        for family in [AF_INET6, AF_INET] {
            request.getAddresses(family: family, index: index)
            let addresses = try netlink.dump([InterfaceName: Set<InterfaceAddress>]()) { addresses, message in
                guard let answer = AddressAnswer(message), !answer.isKernels, !answer.isInternal,
                    index == 0 || answer.index == index, let name = nameOf(answer.index)
                else { return }
                // Kernels before 5.18 do not say that they made an address; it shows by its form.
                let address = answer.address
                if let mac = links[name]?.settings.mac, address.address == .linkLocal(mac) { return }
                addresses[name, default: []].insert(address)
            }
            observed.addresses.merge(addresses) { $0.union($1) }
        }
    }

    func collectRoutes(
        into observed: inout ObservedLinks, nameOf: (Int32) -> InterfaceName?
    ) throws(KernelError) {
        for family in [AF_INET6, AF_INET] {
            request.getRoutes(family: family)
            do throws(KernelError) {
                let found = try netlink.dump(FoundRoutes()) { found, message in
                    guard let route = RouteAnswer(message) else { return }
                    if route.isDefault, route.isIPv6, route.isAlive { found.defaults.append(route) }
                    if !route.isKernels { found.routed.formUnion(route.indexes.compactMap(nameOf)) }
                    if route.isOurs { found.ours.append(route) }
                }
                observed.routed.formUnion(found.routed)
                observed.routes.formUnion(
                    found.ours.compactMap { $0.route { nameOf($0) ?? context.name(of: $0) } })
                for route in found.defaults {
                    guard let hop = route.nextHop, let index = route.indexes.first else {
                        observed.hasDefaultRoute = true
                        continue
                    }
                    if try isAnswering(hop, index: index) { observed.hasDefaultRoute = true }
                }
            } catch  where error.errno == ENOENT {
                continue  // the main table is made with its first route
            }
        }
        request.getForwardingSetting()
        observed.isForwarding = try netlink.get(forwarding) ?? false
    }
}

/// What a dump of forwarding entries is read for.
private struct FoundEntries {
    var floods: [InterfaceName: Set<IPv6Address>] = [:]
    var strays: [InterfaceName: Set<StrayEntry>] = [:]
}

/// What a dump of routes is read for.
private struct FoundRoutes {
    var defaults: [RouteAnswer] = []
    var routed: Set<InterfaceName> = []
    var ours: [RouteAnswer] = []
}
