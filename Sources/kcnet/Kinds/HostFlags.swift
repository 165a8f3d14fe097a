import ArgumentParser
import Commands
import Documents
import NetworkModel
import Resources

struct HostFlags: KindFlags {
    static let abstract = "Machines that run the node agent (`kcd join` makes them)."
    static var description: KindDescription { described(Host.kind) }
    static let settledPhases = ["up"]

    @Option(help: "The underlay address that VXLAN uses.") var vtep: String?
    @Option(help: "The underlay interface that carries it.") var interface: String?
    @Option(help: "A role: gateway, dns; may be repeated.") var role: [HostRole] = []

    @Option(
        help: "Where gateways ask it, as a name server: an address of the host that is not of the underlay.")
    var serviceAddress: String?

    @Flag(
        inversion: .prefixedNo,
        help: "Its agent looks, measures and reports, and changes nothing, while you work on the machine by hand.")
    var paused: Bool?

    func edit(_ spec: JSONNode) -> JSONNode {
        spec.setting("vtep", text: vtep).setting("interface", text: interface)
            .setting("roles", texts: role.map(\.rawValue)).setting("paused", flag: paused)
            .setting("serviceAddress", text: serviceAddress)
    }

    static let columns: [Column] = [
        .name, .spec("vtep", "vtep"), .spec("interface", "interface"), .spec("roles", "roles"), .phase,
        .spec("service address", "serviceAddress", wide: true),
        .status("last seen", "lastSeen", wide: true), .labels, .id, .message,
    ]
}

extension HostRole: ExpressibleByArgument {}
