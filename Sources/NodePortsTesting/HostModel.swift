package import Addressing
package import DaemonConfigs
package import NetworkModel
package import NetworkPlanning
package import NodePorts

/// A host as a value: devices, namespaces, packet filter and daemons, with the kernel's rules for them and its errors.
///
/// Stands beside the contract that the real adapters pass too (`LinkTableContract`). What no planner or service can
/// notice is left out: carrier, timers, packets.
package struct HostModel: Sendable {
    package struct Device: Hashable, Sendable {
        package var index: Int32
        package var kind: LinkKind
        package var settings: LinkSettings
        package var isMulticast = true
        package var isUnfinished = false
        /// Index of the other end of a veth.
        package var peer: Int32?

        package init(index: Int32, kind: LinkKind, settings: LinkSettings) {
            self.index = index
            self.kind = kind
            self.settings = settings
        }
    }

    package struct Namespace: Hashable, Sendable {
        package var devices: [InterfaceName: Device] = [:]
        package var floods: [InterfaceName: Set<IPv6Address>] = [:]
        package var addresses: [InterfaceName: Set<InterfaceAddress>] = [:]
        package var routed: Set<InterfaceName> = []
        package var hasDefaultRoute = false
        package var routes: Set<Route> = []
        package var isForwarding = false
        package var translator: TranslatorSpec?
    }

    package struct Daemon: Hashable, Sendable {
        package var spec: DaemonSpec
        package var isRunning = true
        package var restarts = 0
    }

    package private(set) var root = Namespace()
    package internal(set) var namespaces: [NamespaceName: Namespace] = [:]
    package var filter = ObservedFilter()
    package private(set) var daemons: [String: Daemon] = [:]
    package internal(set) var firewalls: [NamespaceName: ObservedFirewall] = [:]
    package internal(set) var exports: Set<Route> = []
    /// Daemons that were stopped with a last advertisement, in order.
    package private(set) var farewells: [String] = []
    private var nextIndex: Int32 = 1

    /// BR_MAX_PORTS - 1 (net/bridge/br_private.h).
    package static let maximumBridgePorts = 1023

    package init() { root = newNamespace() }

    /// A namespace of that name, or the host's own; nil when there is none.
    package subscript(_ name: NamespaceName?) -> Namespace? {
        get { name.map { namespaces[$0] } ?? root }
        set {
            if let name { namespaces[name] = newValue } else if let newValue { root = newValue }
        }
    }

    // MARK: Namespaces

    private mutating func newNamespace() -> Namespace {
        let loopback = Device(
            index: takeIndex(), kind: .other(""), settings: LinkSettings(mtu: 65536, isUp: false, ipv6Disabled: false))
        return Namespace(devices: [.loopback: loopback])
    }

    package mutating func takeIndex() -> Int32 {
        defer { nextIndex += 1 }
        return nextIndex
    }

    /// - Parameter isUnfinished: KC makes it, and no gateway is named on it yet.
    package mutating func createNamespace(_ name: NamespaceName, isUnfinished: Bool = false) {
        guard namespaces[name] == nil else { return }
        namespaces[name] = newNamespace()
        namespaces[name]?.devices[.loopback]?.isUnfinished = isUnfinished
    }

    package mutating func deleteNamespace(_ name: NamespaceName) {
        guard let gone = namespaces.removeValue(forKey: name) else { return }
        firewalls[name] = nil
        for device in gone.devices.values { if let peer = device.peer { removeDevice(index: peer) } }
    }

    package mutating func setForwarding(_ on: Bool, in name: NamespaceName) throws(NodeError) {
        guard namespaces[name] != nil else { throw .missing(name, "set forwarding") }
        namespaces[name]?.isForwarding = on
    }

    package mutating func setTranslator(_ spec: TranslatorSpec?, in name: NamespaceName) throws(NodeError) {
        guard namespaces[name] != nil else { throw .missing(name, "translate") }
        namespaces[name]?.translator = spec
    }

    // MARK: Devices that are not KC's doing

    /// Puts a device in as an operator would, or takes it away.
    package mutating func set(_ name: InterfaceName, in namespace: NamespaceName? = nil, _ device: Device?) {
        if let device { self[namespace]?.devices[name] = device } else { removeDevice(name, in: namespace) }
    }

    package mutating func removeDevice(_ name: InterfaceName, in namespace: NamespaceName?) {
        guard let device = self[namespace]?.devices.removeValue(forKey: name) else { return }
        self[namespace]?.floods[name] = nil
        self[namespace]?.addresses[name] = nil
        self[namespace]?.routed.remove(name)
        for (other, settings) in self[namespace]?.devices ?? [:] {
            if settings.settings.master == name { self[namespace]?.devices[other]?.settings.master = nil }
            // A VXLAN does not outlive its underlay device (vxlan_handle_lowerdev_unregister).
            if case .vxlan(let vxlan) = settings.kind, vxlan.link == name { removeDevice(other, in: namespace) }
        }
        self[namespace]?.dropRoutes(through: name)
        if namespace == nil { exports = exports.filter { $0.device != name } }
        if let peer = device.peer { removeDevice(index: peer) }
    }

    private mutating func removeDevice(index: Int32) {
        for namespace in [nil] + namespaces.keys.map(Optional.some) {
            if let name = self[namespace]?.devices.first(where: { $0.value.index == index })?.key {
                return removeDevice(name, in: namespace)
            }
        }
    }

    // MARK: Daemons

    package mutating func ensure(_ spec: DaemonSpec) throws(NodeError) {
        if let text = spec.namespace, let name = NamespaceName(text), namespaces[name] == nil {
            throw .missing(name, "start \(spec.program.rawValue)")
        }
        daemons[spec.instance] = Daemon(spec: spec, restarts: daemons[spec.instance]?.restarts ?? 0)
    }

    package mutating func stop(instance: String, withdraw: Bool) {
        if daemons.removeValue(forKey: instance) != nil, withdraw { farewells.append(instance) }
    }

    /// Ends a daemon as a crash would; its supervisor has not noticed yet.
    package mutating func crash(instance: String) { daemons[instance]?.isRunning = false }

    // MARK: Looking

    /// Everything, as the ports show it together.
    package var observed: ObservedHost {
        ObservedHost(
            links: links(in: root), filter: filter, namespaces: Set(namespaces.keys),
            inside: namespaces.mapValues(links),
            daemons: daemons.mapValues {
                ObservedDaemon(
                    isRunning: $0.isRunning, configuration: $0.spec.configuration, restarts: $0.restarts)
            }, firewalls: firewalls, exports: exports)
    }

    package func links(in namespace: Namespace) -> ObservedLinks {
        var links: [InterfaceName: ObservedLink] = [:]
        for (name, device) in namespace.devices {
            links[name] = ObservedLink(
                name: name, index: device.index, kind: device.kind, settings: device.settings,
                isRunning: device.settings.isUp, isMulticast: device.isMulticast, isUnfinished: device.isUnfinished)
        }
        return ObservedLinks(
            links: links, floods: namespace.floods.filter { !$0.value.isEmpty },
            addresses: namespace.addresses.filter { !$0.value.isEmpty }, hasDefaultRoute: namespace.hasWayOut,
            routes: namespace.routes, routed: namespace.routed, isForwarding: namespace.isForwarding,
            translator: namespace.translator)
    }
}

extension NodeError {
    static func missing(_ namespace: NamespaceName, _ operation: String) -> NodeError {
        NodeError(.noSuchNamespace, operation: operation, subject: namespace.text)
    }
}
