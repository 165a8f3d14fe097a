import Addressing
import DaemonConfigs
import FoundationEssentials
import Glibc
import LinuxDaemons
import LinuxProcesses
import NetworkModel
import NetworkPlanning
import NodePorts
import Synchronization
import Testing

/// The supervisor with the real radvd: a router's namespace and a guest's on one wire.
@Suite(.serialized) final class RadvdTests: Sendable {
    let router: TestNamespace
    let guest: TestNamespace
    let root: String
    let lines = Mutex<[String]>([])
    let instance = "radvd-test"

    static let segment = "seg00012c"

    init() throws {
        router = try TestNamespace()
        guest = try TestNamespace()
        root = "/tmp/kc-daemons-\(router.name)"
        try guest.run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0")
        try router.run("sysctl", "-qw", "net.ipv6.conf.all.forwarding=1")
        try router.run(
            "ip", "link", "add", Self.segment, "type", "veth", "peer", "name", "eth0", "netns", guest.name.text)
        try router.run("ip", "address", "add", "fe80::1/64", "dev", Self.segment, "nodad")
        try router.run("ip", "link", "set", Self.segment, "up")
        try guest.run("ip", "link", "set", "eth0", "up")
    }

    deinit {
        // Whatever a failed test left: only processes of this test's own directory.
        if let pid = pid { kill(pid, SIGKILL) }
        do {
            if FileManager.default.fileExists(atPath: root) { try FileManager.default.removeItem(atPath: root) }
        } catch {
            Issue.record("cannot remove \(root): \(error)")
        }
    }

    var pid: ProcessID? {
        guard let text = try? String(contentsOfFile: "\(root)/\(instance)/pid", encoding: .utf8) else { return nil }
        return Int32(text.prefix { $0.isNumber })
    }

    func supervisor(binaries: [DaemonSpec.Program: String] = [:]) -> ProcessSupervisor {
        ProcessSupervisor(runDirectory: root, binaries: binaries) { [weak self] _, line in
            self?.lines.withLock { $0.append(line) }
        }
    }

    func spec(
        hasWayOut: Bool = true, resolvers: [IPv6Address] = [], mtu: Int = 1430, prefix: String = "fd00:1:2:3::/64"
    ) throws -> DaemonSpec {
        let configuration = RadvdConfiguration(interfaces: [
            .init(
                name: try InterfaceName(Self.segment), prefix: try IPv6Prefix(parsing: prefix), mtu: try MTU(mtu),
                routerLifetimeSeconds: hasWayOut ? 1800 : 0, resolvers: resolvers)
        ])
        return DaemonSpec(
            program: .radvd, instance: instance, namespace: router.name.text, configuration: configuration.text)
    }

    /// What the guest's kernel made of it: addresses and routes.
    func addresses() throws -> String { try guest.run("ip", "-6", "address", "show", "dev", "eth0", "scope", "global") }
    func defaultRoute() throws -> String { try guest.run("ip", "-6", "route", "show", "default") }

    @Test func `a guest gets an address, a default route and the MTU`() async throws {
        let supervisor = supervisor()
        try await supervisor.ensure(try spec(resolvers: [IPv6Address(parsing: "fd00::53")]))
        try await eventually { try addresses().contains("fd00:1:2:3:") }
        #expect(try defaultRoute().contains("via fe80::1"))
        #expect(try defaultRoute().contains("mtu 1430") || guest.run("ip", "-6", "route").contains("mtu 1430"))
        let advertisement = try guest.run("rdisc6", "-1", "eth0")
        #expect(advertisement.contains("Recursive DNS server"))
        #expect(advertisement.contains("fd00::53"))
        #expect(advertisement.contains("from fe80::1"))
        try await supervisor.stop(instance: instance, withdraw: true)
        try await eventually { try defaultRoute().isEmpty }
        #expect(!FileManager.default.fileExists(atPath: "\(root)/\(instance)"))
        #expect(await supervisor.observe().isEmpty)
    }
}
