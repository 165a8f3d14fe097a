import Addressing
import NFTables
package import NetworkModel
package import NetworkPlanning
package import NodePorts

extension HostModel {
    /// Does one operation as rtnetlink would.
    package mutating func apply(_ operation: LinkOperation, in namespace: NamespaceName?) throws(NodeError) {
        if let namespace, self[namespace] == nil { throw .missing(namespace, operation.description) }
        func refuse(_ code: Int32, _ message: String = "") -> NodeError {
            NodeError(
                .errno(code), operation: operation.verb, subject: operation.interface.text, message: message)
        }
        switch operation {
        case .create(let link): try create(link, in: namespace, refuse)
        case .change(let name, let change):
            guard self[namespace]?.devices[name] != nil else {
                if change == LinkChange(takesMembers: false) { return }
                throw refuse(Errno.noDevice)
            }
            if case .bridge(let bridge) = change.master { try check(master: bridge, of: name, in: namespace, refuse) }
            self[namespace]?.devices[name]?.settings.apply(change)
            self[namespace]?.devices[name]?.kind.apply(change)
            if change.alias != nil { self[namespace]?.devices[name]?.isUnfinished = false }
        case .delete(let name): removeDevice(name, in: namespace)
        case .addFlood(let name, let address):
            guard case .vxlan = self[namespace]?.devices[name]?.kind else { throw refuse(Errno.noDevice) }
            self[namespace]?.floods[name, default: []].insert(address)
        case .removeFlood(let name, let address): self[namespace]?.floods[name]?.remove(address)
        case .addAddress(let name, let address):
            guard let device = self[namespace]?.devices[name] else { throw refuse(Errno.noDevice) }
            guard device.settings.ipv6Disabled != true else {
                throw refuse(Errno.accessDenied, "IPv6 is disabled on this device")
            }
            self[namespace]?.addresses[name, default: []].insert(address)
        case .removeAddress(let name, let address): self[namespace]?.addresses[name]?.remove(address)
        case .addRoute(let route):
            if case .via(_, let name) = route.target {
                guard self[namespace]?.devices[name] != nil else { throw refuse(Errno.noDevice) }
            }
            self[namespace]?.routes.insert(route)
        case .removeRoute(let route): self[namespace]?.routes.remove(route)
        case .move(let name, let target, let new):
            guard var device = self[namespace]?.devices[name], self[target] != nil else {
                throw refuse(Errno.noDevice)
            }
            guard self[target]?.devices[new] == nil else { throw refuse(Errno.exists) }
            self[namespace]?.devices[name] = nil
            self[namespace]?.addresses[name] = nil
            self[namespace]?.dropRoutes(through: name)
            device.settings.isUp = false
            self[target]?.devices[new] = device
        }
    }

    /// Does one operation on the filter of a gateway.
    package mutating func apply(_ operation: FirewallOperation, in namespace: NamespaceName) throws(NodeError) {
        guard self[namespace] != nil else { throw .missing(namespace, "\(operation)") }
        switch operation {
        case .install(let ruleset, let known):
            firewalls[namespace] = ObservedFirewall(digest: ruleset.digest, known: known)
        case .change(let removed, let added):
            firewalls[namespace]?.known.subtract(removed)
            firewalls[namespace]?.known.formUnion(added)
        }
    }

    package mutating func export(_ route: Route) throws(NodeError) {
        if case .via(_, let name) = route.target, self[nil]?.devices[name] == nil {
            throw NodeError(.errno(Errno.noDevice), operation: "export", subject: "\(route)")
        }
        exports.insert(route)
    }

    package mutating func withdraw(_ route: Route) { exports.remove(route) }

    private mutating func create(_ new: NewLink, in namespace: NamespaceName?, _ refuse: (Int32, String) -> NodeError)
        throws(NodeError)
    {
        if let there = self[namespace]?.devices[new.name] {
            guard there.kind == new.kind, !there.isUnfinished, covers(there.settings, new.settings),
                hasPeer(there, new.peer)
            else { throw refuse(Errno.exists, "") }
            return
        }
        if case .vxlan(let settings) = new.kind {
            guard self[namespace]?.devices[settings.link] != nil else { throw refuse(Errno.noDevice, "") }
            for device in self[namespace]?.devices.values ?? [:].values {
                if case .vxlan(let other) = device.kind, other.vni == settings.vni, other.port == settings.port {
                    throw refuse(Errno.exists, "A VXLAN device with the specified VNI already exists")
                }
            }
        }
        if case .other = new.kind { throw refuse(Errno.notSupported, "") }
        if let master = new.settings.master { try check(master: master, of: new.name, in: namespace, refuse) }
        guard let peer = new.peer else {
            let made = device(new.kind, new.settings)
            self[namespace]?.devices[new.name] = made
            return
        }
        guard let inside = namespaces[peer.namespace] else { throw .missing(peer.namespace, "create veth") }
        guard inside.devices[peer.name] == nil else { throw refuse(Errno.exists, "") }
        var near = device(.veth, new.settings)
        var far = device(.veth, peer.settings)
        near.peer = far.index
        far.peer = near.index
        self[namespace]?.devices[new.name] = near
        namespaces[peer.namespace]?.devices[peer.name] = far
    }

    private mutating func device(_ kind: LinkKind, _ settings: LinkSettings) -> Device {
        var device = Device(index: takeIndex(), kind: kind, settings: settings)
        // What the kernel has an opinion about where the creator has none.
        device.settings.mac = settings.mac ?? MACAddress(0x02_0000_0000_00 | UInt64(UInt32(bitPattern: device.index)))
        device.settings.ipv6Disabled = settings.ipv6Disabled ?? false
        if kind == .bridge {
            device.settings.multicastSnooping = settings.multicastSnooping ?? true
            device.settings.netfilterCalls = settings.netfilterCalls ?? false
            device.settings.linkLocalLearning = settings.linkLocalLearning ?? true
        }
        if settings.master != nil { device.settings.learning = settings.learning ?? true }
        return device
    }

    private func check(
        master: InterfaceName, of name: InterfaceName, in namespace: NamespaceName?,
        _ refuse: (Int32, String) -> NodeError
    ) throws(NodeError) {
        guard let devices = self[namespace]?.devices, let bridge = devices[master] else {
            throw refuse(Errno.noDevice, "")
        }
        guard bridge.kind == .bridge else { throw refuse(Errno.notSupported, "Device does not allow enslaving") }
        let ports = devices.count { $0.value.settings.master == master && $0.key != name }
        guard ports < Self.maximumBridgePorts else { throw refuse(Errno.exchangeFull, "") }
    }

    /// Whether a device has all the settings that its creator names.
    private func covers(_ settings: LinkSettings, _ wanted: LinkSettings) -> Bool {
        func agrees<Value: Equatable>(_ value: Value?, _ wanted: Value?) -> Bool { wanted == nil || value == wanted }
        return agrees(settings.alias, wanted.alias) && settings.mtu == wanted.mtu && agrees(settings.mac, wanted.mac)
            && settings.master == wanted.master && settings.isUp == wanted.isUp
            && agrees(settings.ipv6Disabled, wanted.ipv6Disabled)
            && agrees(settings.multicastSnooping, wanted.multicastSnooping)
            && agrees(settings.netfilterCalls, wanted.netfilterCalls)
            && agrees(settings.linkLocalLearning, wanted.linkLocalLearning)
            && agrees(settings.learning, wanted.learning)
    }

    private func hasPeer(_ device: Device, _ wanted: NewPeer?) -> Bool {
        guard let wanted else { return true }
        guard let far = namespaces[wanted.namespace]?.devices[wanted.name] else { return false }
        return far.index == device.peer
    }
}

extension LinkOperation {
    /// The first word of what is tried, for errors.
    fileprivate var verb: String { String(description.prefix { $0 != " " }) }
}

extension HostModel.Namespace {
    mutating func dropRoutes(through name: InterfaceName) { routes = routes.filter { $0.device != name } }

    /// Every next hop answers here.
    var hasWayOut: Bool {
        hasDefaultRoute || routes.contains { $0.destination == Route.everywhere && $0.target != .unreachable }
    }
}
