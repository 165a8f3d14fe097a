package import Addressing
package import NetworkModel
package import Resources

/// Where a fault is brought about: one attachment with its guest, and another one of the same segment that it talks to.
/// Names of devices are those that every engineer may rely on (docs/architecture.md).
package struct FaultScene: Sendable {
    /// One end.
    package struct End: Hashable, Sendable {
        package var attachment: Name
        package var segment: ResourceID
        package var host: LabHost
        /// The interface that realises it on the host.
        package var port: InterfaceName
        package var guest: NamespaceName
        /// Inside the guest.
        package var interface: InterfaceName
        package var mac: MACAddress
        /// Its first address that is not link-local; nil when it has none.
        package var address: IPv6Address?

        /// By name or id; what it has when nothing is said.
        var policies: [String]

        var place: FaultPlace { .machine(host.name) }
        var inside: FaultPlace { .guest(guest, on: host.name) }
    }

    /// The segment's managed gateway.
    package struct Router: Hashable, Sendable {
        package var namespace: NamespaceName
        package var host: Name
        /// Its interface in the segment, inside the namespace.
        package var interface: InterfaceName
        package var hasUplink: Bool

        var inside: FaultPlace { .guest(namespace, on: host) }
    }

    package var topology: Topology
    package var project: Name
    package var here: End
    package var there: End
    package var vni: VNI
    package var group: IPv6Address
    package var mtu: Int
    package var prefix: IPv6Prefix?
    package var segment: ResourceID
    package var router: Router?

    var vxlan: InterfaceName { .vxlan(vni) }
    var bridge: InterfaceName { .bridge(vni) }

    /// The machine of the API: another one on the link.
    func apiMachine() throws(LaboratoryError) -> FaultPlace {
        guard topology.api.link == here.host.link, let name = Name(Topology.apiMachine) else {
            throw LaboratoryError(
                .absent, operation: "find", subject: "another machine on the link \(here.host.link)",
                message: "the API's is on another one")
        }
        return .machine(name)
    }

    /// The underlay link that the host of `here` is on.
    var link: FaultPlace { .link(here.host.link) }

    func underlayMTU() throws(LaboratoryError) -> Int {
        guard let link = topology.links.first(where: { $0.name == here.host.link }) else {
            throw LaboratoryError(.invalid, operation: "find link", subject: here.host.link.text)
        }
        return here.host.mtu?.bytes ?? link.mtu.bytes
    }

    func underlayPrefixLength() throws(LaboratoryError) -> Int {
        guard let link = topology.links.first(where: { $0.name == here.host.link }) else {
            throw LaboratoryError(.invalid, operation: "find link", subject: here.host.link.text)
        }
        return link.prefix.length
    }

    /// For faults of gateways.
    func theRouter() throws(LaboratoryError) -> Router {
        guard let router else {
            throw LaboratoryError(
                .absent, operation: "find", subject: "a managed gateway", message: "the segment has none")
        }
        return router
    }

    /// For faults that take what is another's.
    func theirAddress() throws(LaboratoryError) -> IPv6Address {
        guard let address = there.address else {
            throw LaboratoryError(
                .absent, operation: "find", subject: "an address of \(there.attachment)",
                message: "it has none beside its link-local one")
        }
        return address
    }

    /// The router of the underlay on the link of `here`.
    func underlayRouter() throws(LaboratoryError) -> UnderlayRouter {
        guard let router = topology.routers.first(where: { $0.legs.contains { $0.link == here.host.link } }) else {
            throw LaboratoryError(
                .absent, operation: "find", subject: "an underlay router",
                message: "the topology has none on link \(here.host.link); three-hosts-router has one")
        }
        return router
    }
}
