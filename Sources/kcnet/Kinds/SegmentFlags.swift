import APIClient
import Addressing
import ArgumentParser
import Commands
import Documents
import NetworkModel
import Resources

struct SegmentFlags: KindFlags {
    static let abstract = "Virtual L2 networks."
    static var description: KindDescription { described(Segment.kind) }
    /// A segment that no host needs yet is as it shall be.
    static let settledPhases = ["wired", "unused"]

    @Option(help: "none: layer 2 only; manual: a /64, nothing advertised; automatic: a /64 and router advertisements.")
    var ipam: IPAM?
    @Option(help: "A VNI of your choice (default: the next of the pools).") var vni: UInt32?
    @Option(help: "A /64 of your choice (default: the next of the pools).") var prefix: String?
    @Option(help: "multicast or unicast (default: the underlay's way).") var replication: Replication?

    @Option(help: "DHCPv6 beside router advertisements: none (the default), stateless or stateful.") var dhcp: DHCPMode?

    @Option(
        help: ArgumentHelp(
            "IPv4 inside the segment, with DHCPv4: a prefix from /8 to /29 (default: none; nothing of it is routed).",
            valueName: "prefix"))
    var ipv4: String?

    func edit(_ spec: JSONNode) -> JSONNode {
        let spec = spec.setting("ipam", text: ipam?.rawValue).setting("vni", number: vni)
            .setting("prefix", text: prefix).setting("replication", text: replication?.rawValue)
            .setting("dhcp", text: dhcp?.rawValue)
        guard let ipv4 else { return spec }
        return spec.setting("ipv4", to: JSONNode.object([]).setting("prefix", text: ipv4))
    }

    static let columns: [Column] = [
        .name,
        .status("vni", "vni"),
        Column("device") { document, _ in
            guard let text = document.status?["vni"]?.displayText, let number = UInt32(text) else { return "" }
            // A number that is no VNI has no device.
            do { return .init(InterfaceName.vxlan(try VNI(number)).text) } catch { return "" }
        },
        .status("mtu", "mtu"), .spec("ipam", "ipam"), .status("prefix", "prefix"), .spec("dhcp", "dhcp", wide: true),
        Column("ipv4", wide: true) { document, _ in .init(document.spec?["ipv4"]?["prefix"]?.string ?? "") },
        .status("replication", "replication", wide: true), .status("group", "group", wide: true), .phase, .labels, .id,
        .message,
    ]
}

extension IPAM: ExpressibleByArgument {}
extension DHCPMode: ExpressibleByArgument {}
extension Replication: ExpressibleByArgument {}
