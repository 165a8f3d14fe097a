package import Addressing
import DaemonConfigs
import NFTables
import NetworkModel
import Resources

extension PlanningState {
    /// Takes a step that succeeded as seen, so that the next plan need not wait for a new observation.
    ///
    /// What the kernel adds by itself (indices, carrier, MAC addresses) comes with the next event or observation; no
    /// plan depends on it.
    package mutating func expect(_ operation: Operation) {
        switch operation {
        case .link(let operation, in: nil): expect(operation)
        case .link(let operation, in: .some(let namespace)): expect(operation, inside: namespace)
        case .filter(let operation): expect(operation)
        case .createNamespace(let name):
            guard !observed.namespaces.contains(name) else { return }
            observe(namespaces: observed.namespaces.union([name]))
            observe(inside: name, ObservedLinks.newNamespace)
        case .deleteNamespace(let name):
            let peers = observed.inside[name]?.links.values.compactMap { DeviceMark.of($0)?.subject } ?? []
            observe(namespaces: observed.namespaces.subtracting([name]))
            for case .attachment(let id) in peers { observe(nil, at: .port(id.bytes)) }
        case .setForwarding(let on, in: let name):
            observed.inside[name]?.isForwarding = on
        case .firewall(.install(let ruleset, let known), in: let name):
            observed.firewalls[name] = ObservedFirewall(digest: ruleset.digest, known: known)
        case .firewall(.change(let removed, let added), in: let name):
            observed.firewalls[name]?.known.subtract(removed)
            observed.firewalls[name]?.known.formUnion(added)
        case .export(let route): observed.exports.insert(route)
        case .withdraw(let route): observed.exports.remove(route)
        case .ensureDaemon(let spec):
            observed.daemons[spec.instance] = ObservedDaemon(
                isRunning: true, configuration: spec.configuration,
                restarts: observed.daemons[spec.instance]?.restarts ?? 0)
        case .stopDaemon(let instance, withdraw: _):
            observed.daemons[instance] = nil
        case .ensureTranslator(let spec, in: let name): observed.inside[name]?.translator = spec
        case .removeTranslator(in: let name): observed.inside[name]?.translator = nil
        }
    }

    private mutating func expect(_ operation: LinkOperation) {
        switch operation {
        case .create(let new):
            observe(ObservedLink(new.name, new.kind, new.settings), at: new.name)
            if let peer = new.peer {
                observe(ObservedLink(peer.name, .veth, peer.settings), at: peer.name, inside: peer.namespace)
            }
        case .change(let name, let change):
            guard var link = observed.links.links[name] else { return }
            link.settings.apply(change)
            link.kind.apply(change)
            link.obstacles.subtract(change.clears)
            link.strays.subtract(change.strays)
            observe(link, at: name)
        case .delete(let name):
            if case .attachment(let id) = seen.marks[name] {
                for place in seen.peers[id] ?? [] { observe(nil, at: place.name, inside: place.namespace) }
            }
            for port in seen.ports[name] ?? [] {
                guard var link = observed.links.links[port] else { continue }
                link.settings.master = nil
                observe(link, at: port)
            }
            observe(nil, at: name)
        case .move(let name, let namespace?, let new):
            guard let link = observed.links.links[name] else { return }
            observe(nil, at: name)
            observe(link.moved(as: new), at: new, inside: namespace)
        case .move(_, nil, _): return
        case .addFlood, .removeFlood, .addAddress, .removeAddress, .addRoute, .removeRoute:
            observed.links.apply(operation)
        }
    }

    private mutating func expect(_ operation: LinkOperation, inside namespace: NamespaceName) {
        switch operation {
        case .create(let new):
            observe(ObservedLink(new.name, new.kind, new.settings), at: new.name, inside: namespace)
        case .change(let name, let change):
            guard var link = observed.inside[namespace]?.links[name] else { return }
            link.settings.apply(change)
            if change.alias != nil { link.isUnfinished = false }
            observe(link, at: name, inside: namespace)
        case .delete(let name): observe(nil, at: name, inside: namespace)
        case .move(let name, let target, let new):
            guard let link = observed.inside[namespace]?.links[name] else { return }
            observe(nil, at: name, inside: namespace)
            if let target {
                observe(link.moved(as: new), at: new, inside: target)
            } else {
                observe(link.moved(as: new), at: new)
            }
        case .addFlood, .removeFlood, .addAddress, .removeAddress, .addRoute, .removeRoute:
            observed.inside[namespace]?.apply(operation)
        }
    }

    private mutating func expect(_ operation: FilterOperation) {
        switch operation {
        case .install(let ruleset, let content):
            observed.filter = ObservedFilter(digest: ruleset.digest, content: content)
        case .close(_, let elements): observed.filter.content.remove(elements)
        case .change(_, let removed, let added):
            observed.filter.content.remove(removed)
            observed.filter.content.add(added)
        case .uninstall: observed.filter = ObservedFilter()
        }
    }
}

extension ObservedLinks {
    /// What a namespace has that was just made.
    package static var newNamespace: ObservedLinks {
        ObservedLinks(links: [
            .loopback: ObservedLink(
                name: .loopback, index: 1, kind: .other(""), settings: LinkSettings(mtu: 65536, isUp: false),
                isRunning: false, isUnfinished: true)
        ])
    }

    fileprivate mutating func apply(_ operation: LinkOperation) {
        switch operation {
        case .addFlood(let name, let address): floods[name, default: []].insert(address)
        case .removeFlood(let name, let address): floods.remove(address, from: name)
        case .addAddress(let name, let address): addresses[name, default: []].insert(address)
        case .removeAddress(let name, let address): addresses.remove(address, from: name)
        case .addRoute(let route):
            routes.insert(route)
            if route.destination == Route.everywhere, route.target != .unreachable { hasDefaultRoute = true }
        case .removeRoute(let route): routes.remove(route)
        case .create, .change, .delete, .move: break
        }
    }
}

extension ObservedLink {
    /// As it comes into another namespace.
    fileprivate func moved(as name: InterfaceName) -> ObservedLink {
        var link = self
        link.name = name
        link.settings.isUp = false
        return link
    }
}

extension LinkKind {
    /// The kind after a change.
    package mutating func apply(_ change: LinkChange) {
        guard case .vxlan(var settings) = self, let hopLimit = change.hopLimit else { return }
        settings.hopLimit = hopLimit
        self = .vxlan(settings)
    }
}

extension LinkSettings {
    /// The settings after a change.
    package mutating func apply(_ change: LinkChange) {
        if let alias = change.alias { self.alias = alias.isEmpty ? nil : alias }
        mtu = change.mtu ?? mtu
        mac = change.mac ?? mac
        switch change.master {
        case .bridge(let bridge): master = bridge
        case .some(.none): master = nil
        case nil: break
        }
        isUp = change.isUp ?? isUp
        ipv6Disabled = change.ipv6Disabled ?? ipv6Disabled
        multicastSnooping = change.multicastSnooping ?? multicastSnooping
        netfilterCalls = change.netfilterCalls ?? netfilterCalls
        linkLocalLearning = change.linkLocalLearning ?? linkLocalLearning
        learning = change.learning ?? learning
        takesMembers = change.takesMembers ?? takesMembers
    }
}

extension LinkOperation {
    /// The device it acts on.
    package var interface: InterfaceName {
        switch self {
        case .create(let new): new.name
        case .change(let name, _), .delete(let name), .addFlood(let name, _), .removeFlood(let name, _),
            .addAddress(let name, _), .removeAddress(let name, _), .move(let name, _, _):
            name
        case .addRoute(let route), .removeRoute(let route):
            route.device ?? .loopback
        }
    }
}

extension ObservedLink {
    /// Whether it is what was expected of it, but for what the kernel adds by itself.
    package func isAs(_ expected: ObservedLink) -> Bool {
        kind == expected.kind && settings.alias == expected.settings.alias && isUnfinished == expected.isUnfinished
            && settings.takesMembers == expected.settings.takesMembers
            && LinkChange(from: settings, to: expected.settings) == nil
    }
}

extension ObservedLink {
    /// A device as its creation is expected to show it.
    fileprivate init(_ name: InterfaceName, _ kind: LinkKind, _ settings: LinkSettings) {
        self.init(name: name, index: 0, kind: kind, settings: settings, isRunning: true)
    }
}

extension PlanningState {
    /// Whether what the operation makes sure of was seen to run already, with other settings.
    package func isRunning(_ operation: Operation) -> Bool {
        switch operation {
        case .ensureDaemon(let spec): observed.daemons[spec.instance]?.isRunning == true
        case .ensureTranslator(_, in: let name): observed.inside[name]?.translator != nil
        default: false
        }
    }
}
