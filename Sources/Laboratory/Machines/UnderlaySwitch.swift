import Addressing
import Resources

/// A link of the underlay: a namespace with one bridge, and nothing else.
struct UnderlaySwitch: Sendable {
    let namespace: String
    let link: UnderlayLink

    private static let bridge = "br0"

    func make() async throws(LaboratoryError) {
        try await Command("ip", ["netns", "add", namespace]).check("make namespace", namespace)
        // A switch has no addresses of its own and says nothing by itself.
        try await Command(
            "nsenter", ["--net=/run/netns/\(namespace)", "--", "tee", "/proc/sys/net/ipv6/conf/default/disable_ipv6"],
            input: Array("1".utf8)
        ).check("prepare switch", namespace)
        try await ip(["link", "add", Self.bridge, "mtu", "\(link.mtu)", "type", "bridge", "mcast_snooping", "1"])
        if !link.multicast { try await dropMulticast() }
        try await ip(["link", "set", Self.bridge, "up"])
    }

    /// As rented networks do: link-local multicast passes, so neighbour discovery works; the groups of VXLAN do not.
    private func dropMulticast() async throws(LaboratoryError) {
        let rules = """
            add table bridge lab
            add chain bridge lab forward { type filter hook forward priority 0; policy accept; }
            add rule bridge lab forward ip6 daddr ff00::/8 ip6 daddr != ff02::/16 counter drop

            """
        try await Command(
            "nsenter", ["--net=/run/netns/\(namespace)", "--", "nft", "-f", "-"], input: Array(rules.utf8)
        ).check("drop multicast in", namespace)
    }

    func hasPort(of machine: Name) async throws(LaboratoryError) -> Bool {
        try await Command("ip", ["-n", namespace, "link", "show", machine.text]).run().isSuccess
    }

    /// Plugs a machine in: its interface and the switch's port are the two ends of one veth.
    func connect(_ leg: Topology.Leg, of machine: Machine) async throws(LaboratoryError) {
        let mtu = leg.mtu ?? link.mtu
        try await machineIP(
            machine,
            [
                "link", "add", leg.interface.text, "mtu", "\(link.mtu)", "type", "veth", "peer", "name",
                leg.machine.text, "mtu", "\(link.mtu)", "netns", namespace,
            ])
        try await ip(["link", "set", leg.machine.text, "master", Self.bridge, "up"])
        if mtu != link.mtu {
            try await machineIP(machine, ["link", "set", leg.interface.text, "mtu", "\(mtu)"])
        }
        // The topology's check made the address unique, and the link-local one comes of a random MAC: no need to wait
        // for duplicate address detection. A router asks for nobody before its link-local address is valid.
        try await machine.setSysctl("net/ipv6/conf/\(leg.interface)/dad_transmits", "0")
        try await machineIP(
            machine, ["addr", "add", "\(leg.address)/\(link.prefix.length)", "dev", leg.interface.text, "nodad"])
        try await machineIP(machine, ["link", "set", leg.interface.text, "up"])
    }

    private func ip(_ arguments: [String]) async throws(LaboratoryError) {
        try await Command("ip", ["-n", namespace] + arguments).check("configure", namespace)
    }

    /// From outside: only there both namespaces have names.
    private func machineIP(_ machine: Machine, _ arguments: [String]) async throws(LaboratoryError) {
        try await Command("ip", ["-n", machine.namespace] + arguments).check("configure", machine.namespace)
    }
}
