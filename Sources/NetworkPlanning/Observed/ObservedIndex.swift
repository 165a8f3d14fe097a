package import Addressing
package import NetworkModel
package import Resources

/// Where the other end of a veth lives.
package struct PeerPlace: Hashable, Sendable {
    package var namespace: NamespaceName
    package var name: InterfaceName

    package init(_ namespace: NamespaceName, _ name: InterfaceName) {
        self.namespace = namespace
        self.name = name
    }
}

/// The ways the planner must find devices other than by name. Built once, then kept by single changes, so that planning
/// one attachment costs nothing for the thousands beside it.
package struct ObservedIndex: Hashable, Sendable {
    /// Of our devices in the host's namespace, by name.
    package private(set) var marks: [InterfaceName: DeviceMark] = [:]
    /// The same, by what they serve.
    package private(set) var owned: [Subject: Set<InterfaceName>] = [:]
    /// The ports of a bridge, ours and foreign.
    package private(set) var ports: [InterfaceName: Set<InterfaceName>] = [:]
    /// How many of them are foreign.
    package private(set) var foreignPorts: [InterfaceName: Int] = [:]
    package private(set) var vxlans: [VNI: Set<InterfaceName>] = [:]
    package private(set) var unfinished: Set<InterfaceName> = []
    /// The host's ends of routed uplinks, whoever's they are: the ruleset knows them by their names.
    package private(set) var uplinks: Set<InterfaceName> = []
    /// Our ends of veths in other namespaces, by attachment.
    package private(set) var peers: [ResourceID: Set<PeerPlace>] = [:]
    /// The namespaces marked as a gateway's.
    package private(set) var gateways: [ResourceID: Set<NamespaceName>] = [:]

    /// Namespaces that were made and not given to a gateway: their loopback device says so. Any that a gateway has is
    /// finished by it.
    package private(set) var unfinishedNamespaces: Set<NamespaceName> = []

    package init() {}

    package init(_ observed: ObservedHost) {
        for link in observed.links.links.values { add(link) }
        for (namespace, links) in observed.inside { for link in links.links.values { add(link, in: namespace) } }
    }

    /// Takes a device of the host's own namespace in.
    package mutating func add(_ link: ObservedLink) {
        if let mark = DeviceMark.of(link) {
            marks[link.name] = mark
            owned[mark.subject, default: []].insert(link.name)
        }
        if let master = link.settings.master {
            ports[master, default: []].insert(link.name)
            if marks[link.name] == nil { foreignPorts[master, default: 0] += 1 }
        }
        if case .vxlan(let settings) = link.kind { vxlans[settings.vni, default: []].insert(link.name) }
        if link.isUnfinished { unfinished.insert(link.name) }
        if link.name.isUplink { uplinks.insert(link.name) }
    }

    /// Forgets a device as `add` took it in.
    package mutating func remove(_ link: ObservedLink) {
        let mark = marks.removeValue(forKey: link.name)
        if let mark { owned.remove(link.name, from: mark.subject) }
        if let master = link.settings.master {
            ports.remove(link.name, from: master)
            if mark == nil, let count = foreignPorts[master] { foreignPorts[master] = count > 1 ? count - 1 : nil }
        }
        if case .vxlan(let settings) = link.kind { vxlans.remove(link.name, from: settings.vni) }
        unfinished.remove(link.name)
        uplinks.remove(link.name)
    }

    /// Takes a device of another namespace in.
    package mutating func add(_ link: ObservedLink, in namespace: NamespaceName) {
        if link.name == .loopback, link.isUnfinished, namespace.text.hasPrefix(NamespaceName.gatewayPrefix) {
            unfinishedNamespaces.insert(namespace)
        }
        switch DeviceMark.of(link) {
        case .attachment(let id): peers[id, default: []].insert(PeerPlace(namespace, link.name))
        case .gateway(let id): gateways[id, default: []].insert(namespace)
        default: break
        }
    }

    package mutating func remove(_ link: ObservedLink, in namespace: NamespaceName) {
        if link.name == .loopback { unfinishedNamespaces.remove(namespace) }
        switch DeviceMark.of(link) {
        case .attachment(let id): peers.remove(PeerPlace(namespace, link.name), from: id)
        case .gateway(let id): gateways.remove(namespace, from: id)
        default: break
        }
    }
}

extension Dictionary {
    /// Takes one element out of the set under `key`; an empty set is not kept.
    mutating func remove<Element: Hashable>(_ element: Element, from key: Key) where Value == Set<Element> {
        guard var set = self[key] else { return }
        self[key] = nil  // so that the set is not copied
        set.remove(element)
        if !set.isEmpty { self[key] = set }
    }
}
