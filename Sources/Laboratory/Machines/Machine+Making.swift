import Addressing
import FoundationEssentials
package import NetworkModel
import Resources

extension Machine {
    /// Folders every machine has of its own. They must exist in the outer world, empty or not, to be covered.
    private static let covered = ["/run/netns", "/run/kc", "/var/lib/kc"]

    /// Makes the namespaces of one machine; what exists under its name is not taken over.
    static func make(_ name: Name, state: LaboratoryState, token: String) async throws(LaboratoryError) -> Machine {
        let namespace = state.namespace(of: name)
        let directory = state.directory(of: name)
        for folder in ["run", "lib", "log", "processes"] { try makeFolder("\(directory)/\(folder)") }
        for folder in covered { try makeFolder(folder) }
        try await Command("ip", ["netns", "add", namespace]).check("make namespace", namespace)
        let pid = try Spawned.detached(
            "nsenter",
            [
                "--net=/run/netns/\(namespace)", "--", "unshare", "--mount", "--propagation", "private", "--", "sleep",
                "infinity",
            ], log: "\(directory)/log/keeper.log")
        guard let keeper = ProcessIdentity(pid: pid) else {
            throw LaboratoryError(
                .program, operation: "hold the mount namespace of", subject: namespace,
                message: (try? readText("\(directory)/log/keeper.log")) ?? "")  // Only to add to the message.
        }
        try writeText(String(decoding: keeper.json, as: UTF8.self), to: "\(directory)/keeper.json")
        let machine = Machine(name: name, namespace: namespace, directory: directory, keeper: keeper)
        try await eventually("hold the mount namespace of", namespace, within: .seconds(10)) {
            procText("/proc/\(pid)/comm") == "sleep\n"
        }
        try await machine.mount(marker: Self.marker(name, token: token))
        try await machine.ip("link", "set", "lo", "up")
        return machine
    }

    /// The source of the machine's own mounts: in /proc/PID/mountinfo it tells its processes from all others.
    static func marker(_ name: Name, token: String) -> String { "kclab-\(token)-\(name)" }

    private func mount(marker: String) async throws(LaboratoryError) {
        func mount(_ arguments: String...) async throws(LaboratoryError) {
            try await command("mount", arguments).check("mount in", namespace)
        }
        try await mount("-t", "tmpfs", marker, "/run/netns")
        // As `ip netns add` wants it.
        try await mount("--make-shared", "/run/netns")
        try await mount("--bind", "\(directory)/run", "/run/kc")
        try await mount("--bind", "\(directory)/lib", "/var/lib/kc")
        try await mount("-t", "sysfs", marker, "/sys")
    }

    /// Puts a cable between this machine and a router, up at both ends.
    func connect(_ cable: LabCable, to router: Machine) async throws(LaboratoryError) {
        try await ip(
            "link", "add", cable.interface.text, "type", "veth", "peer", "name", cable.routerInterface.text, "netns",
            "\(router.keeper.pid)")
        try await ip("link", "set", cable.interface.text, "up")
        try await router.ip("address", "add", "\(cable.address)", "dev", cable.routerInterface.text, "nodad")
        if let ipv4 = cable.ipv4 {
            try await router.ip("address", "add", "\(ipv4)", "dev", cable.routerInterface.text)
        }
        try await router.ip("link", "set", cable.routerInterface.text, "up")
    }

    /// Puts the cable of a machine of the IPv4 world, which this is.
    func connect(_ outside: OutsideMachine, to router: Machine) async throws(LaboratoryError) {
        let far = outside.routerInterface.text
        try await ip(
            "link", "add", "eth0", "mtu", "\(outside.mtu)", "type", "veth", "peer", "name", far, "mtu",
            "\(outside.mtu)", "netns", "\(router.keeper.pid)")
        try await setSysctl("net/ipv6/conf/eth0/disable_ipv6", "1")
        try await ip("address", "add", "\(outside.address)", "dev", "eth0")
        try await ip("link", "set", "eth0", "up")
        try await router.ip("address", "add", "\(outside.gateway)/\(outside.address.length)", "dev", far)
        try await router.ip("link", "set", far, "up")
        try await ip("route", "add", "default", "via", "\(outside.gateway)")
    }

    /// What a host needs to route for its gateways.
    func prepare(_ host: LabHost) async throws(LaboratoryError) {
        if host.forwarding { try await setSysctl("net/ipv6/conf/all/forwarding", "1") }
        if let router = host.defaultRoute { try await ip("route", "add", "default", "via", "\(router)") }
    }

    /// A namespace inside the machine that stands for a virtual machine: it listens to router advertisements.
    package func addGuest(_ guest: NamespaceName) async throws(LaboratoryError) {
        try await ip("netns", "add", guest.text)
        for scope in ["all", "default"] {
            try await setSysctl("net/ipv6/conf/\(scope)/accept_ra", "1", inGuest: guest)
            try await setSysctl("net/ipv6/conf/\(scope)/autoconf", "1", inGuest: guest)
        }
        try await command(inGuest: guest, "ip", ["link", "set", "lo", "up"]).check("prepare guest", guest.text)
    }
}
