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
import TestNamespaces
import Testing
import Waiting

/// The supervisor with the real radvd: a router's namespace and a guest's on one wire.
@Suite(.serialized) final class RadvdTests: Sendable {
    let router: TestNamespace
    let guest: TestNamespace
    let root: String
    let lines = Mutex<[String]>([])
    let instance = "radvd-test"

    static let segment = "seg00012c"

    init() throws {
        router = try TestNamespace("kcdm")
        guest = try TestNamespace("kcdm")
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

    /// Starts it and waits until the guest has its default route.
    func serve(_ supervisor: ProcessSupervisor) async throws {
        try await supervisor.ensure(try spec())
        try await eventually(within: .seconds(30)) { try !defaultRoute().isEmpty }
    }

    @Test func `without a way out a guest gets an address and no default route`() async throws {
        let supervisor = supervisor()
        try await supervisor.ensure(try spec(hasWayOut: false))
        try await eventually(within: .seconds(30)) { try addresses().contains("fd00:1:2:3:") }
        #expect(try defaultRoute().isEmpty)
        try await supervisor.stop(instance: instance, withdraw: false)
    }

    @Test func `a reload takes effect in the same process and keeps the default route`() async throws {
        let supervisor = supervisor()
        try await serve(supervisor)
        let before = try #require(pid)
        try await supervisor.ensure(try spec(prefix: "fd00:9:9:9::/64"))
        #expect(try !defaultRoute().isEmpty)
        try await eventually(within: .seconds(30)) { try addresses().contains("fd00:9:9:9:") }
        #expect(try !defaultRoute().isEmpty)
        #expect(pid == before)
        #expect(await supervisor.observe()[instance]?.restarts == 0)
        try await supervisor.stop(instance: instance, withdraw: false)
    }

    @Test func `on a segment that its gateway loses a guest loses its default route, on others it does not`()
        async throws
    {
        let other = try InterfaceName("seg00012d")
        try router.run(
            "ip", "link", "add", other.text, "type", "veth", "peer", "name", "eth1", "netns", guest.name.text)
        try router.run("ip", "address", "add", "fe80::1/64", "dev", other.text, "nodad")
        try router.run("ip", "link", "set", other.text, "up")
        try guest.run("ip", "link", "set", "eth1", "up")
        func route(_ device: String) throws -> String {
            try guest.run("ip", "-6", "route", "show", "default", "dev", device)
        }
        func interface(_ name: InterfaceName, _ prefix: String) throws -> RadvdConfiguration.Interface {
            RadvdConfiguration.Interface(
                name: name, prefix: try IPv6Prefix(parsing: prefix), mtu: try MTU(1430), routerLifetimeSeconds: 1800,
                resolvers: [])
        }
        let lost = try interface(try InterfaceName(Self.segment), "fd00:1:2:3::/64")
        let kept = try interface(other, "fd00:1:2:4::/64")
        func spec(_ interfaces: RadvdConfiguration.Interface...) -> DaemonSpec {
            DaemonSpec(
                program: .radvd, instance: instance, namespace: router.name.text,
                configuration: RadvdConfiguration(interfaces: interfaces).text)
        }
        let supervisor = supervisor()
        try await supervisor.ensure(spec(lost, kept))
        try await eventually(within: .seconds(30)) { try !route("eth0").isEmpty && !route("eth1").isEmpty }

        // What a plan does when a segment goes.
        try await supervisor.ensure(spec(kept))
        #expect(try !route("eth0").isEmpty, "radvd itself says nothing when it forgets an interface")
        var farewell = spec()
        farewell.instance = instance + "-farewell"
        farewell.configuration = RadvdConfiguration.farewell(on: [lost.name])
        try await supervisor.ensure(farewell)
        try await supervisor.stop(instance: farewell.instance, withdraw: true)
        try await eventually { try route("eth0").isEmpty }
        #expect(try !route("eth1").isEmpty)
        #expect(await supervisor.observe().keys.sorted() == [instance])
        try await supervisor.stop(instance: instance, withdraw: false)
    }

    @Test func `stopping without withdrawal leaves the guest its default route`() async throws {
        let supervisor = supervisor()
        try await serve(supervisor)
        let process = try #require(pid)
        try await supervisor.stop(instance: instance, withdraw: false)
        #expect(kill(process, 0) == -1)
        #expect(try !defaultRoute().isEmpty)
    }

    @Test func `a configuration the daemon refuses changes nothing`() async throws {
        let supervisor = supervisor()
        var broken = try spec()
        broken.configuration += "nonsense\n"
        await #expect(throws: NodeError.self) { try await supervisor.ensure(broken) }
        #expect(await supervisor.observe().isEmpty)
        #expect(!FileManager.default.fileExists(atPath: "\(root)/\(instance)"))

        try await supervisor.ensure(try spec())
        let before = pid
        do throws(NodeError) {
            try await supervisor.ensure(broken)
            Issue.record("radvd takes nonsense")
        } catch {
            #expect(error.code == .program && error.message.contains("syntax error"), "\(error)")
        }
        #expect(
            await supervisor.observe()[instance]
                == ObservedDaemon(isRunning: true, configuration: try spec().configuration))
        #expect(pid == before)
        try await supervisor.stop(instance: instance, withdraw: false)
    }

    @Test func `a killed daemon is back by itself, with growing pauses`() async throws {
        let supervisor = supervisor()
        var events = supervisor.events().makeAsyncIterator()
        try await supervisor.ensure(try spec())
        var pauses: [Duration] = []
        for round in 1...3 {
            let victim = try #require(pid)
            let start = ContinuousClock.now
            #expect(kill(victim, SIGKILL) == 0)
            _ = await events.next()
            try await eventually {
                let daemon = await supervisor.observe()[instance]
                return daemon?.isRunning == true && daemon?.restarts == round
            }
            pauses.append(start.duration(to: .now))
            #expect(pid != victim)
        }
        #expect(pauses[0] < .seconds(1))
        #expect(pauses[2] > .milliseconds(400), "\(pauses)")
        #expect(lines.withLock { $0.contains { $0.hasSuffix("was killed by signal 9") } })
        try await supervisor.stop(instance: instance, withdraw: false)
    }

    @Test func `a daemon starts with what was accepted, whatever became of the file`() async throws {
        let supervisor = supervisor()
        let spec = try spec()
        try await supervisor.ensure(spec)
        let file = "\(root)/\(instance)/configuration"
        let harm: [(what: String, do: () throws -> Void)] = [
            ("spoilt", { try Data("nonsense {{{".utf8).write(to: URL(fileURLWithPath: file)) }),
            ("removed", { try FileManager.default.removeItem(atPath: file) }),
        ]
        for (what, spoil) in harm {
            let victim = try #require(pid)
            try spoil()
            #expect(kill(victim, SIGKILL) == 0)
            try await eventually {
                await supervisor.observe()[instance]?.isRunning == true && pid != nil && pid != victim
            }
            let text = try String(contentsOfFile: file, encoding: .utf8)
            #expect(text == spec.configuration, "\(what)")
        }
        try await supervisor.stop(instance: instance, withdraw: false)
    }

    @Test func `a stopped daemon serves nothing: it is replaced`() async throws {
        let supervisor = supervisor()
        try await supervisor.ensure(try spec())
        let victim = try #require(pid)
        #expect(kill(victim, SIGSTOP) == 0)
        try await eventually { await supervisor.observe()[instance]?.isRunning == false }
        // radvd writes its process id down a moment after it has started.
        try await eventually {
            let isRunning = await supervisor.observe()[instance]?.isRunning == true
            return isRunning && pid.map { $0 != victim } ?? false
        }
        try await supervisor.stop(instance: instance, withdraw: false)
    }

    @Test func `a daemon outlives its supervisor and is taken up by the next, also its end`() async throws {
        var first: ProcessSupervisor? = supervisor()
        try await first?.ensure(try spec())
        let left = try #require(pid)
        first = nil
        #expect(getsid(left) == left)
        // Talking to nobody must neither end nor stop it: each reload makes it write.
        for _ in 0..<3 { #expect(kill(left, SIGHUP) == 0) }

        let second = supervisor()
        #expect(
            await second.observe()
                == [instance: ObservedDaemon(isRunning: true, configuration: try spec().configuration)])
        try await second.ensure(try spec())
        #expect(pid == left)
        try await eventually { lines.withLock { $0.contains { $0.contains("config file") } } }

        #expect(kill(left, SIGKILL) == 0)
        try await eventually {
            let daemon = await second.observe()[instance]
            return daemon?.isRunning == true && daemon?.restarts == 1
        }
        #expect(pid != left)
        try await second.stop(instance: instance, withdraw: false)
    }

    @Test func `a daemon whose log nobody reads goes on serving`() async throws {
        var first: ProcessSupervisor? = supervisor()
        try await first?.ensure(try spec())
        let left = try #require(pid)
        first = nil
        // More than the FIFO holds, so that whatever the daemon writes now is one line too many.
        let log = try FileDescriptor.open("\(root)/\(instance)/log", O_RDWR | O_NONBLOCK)
        let filler = [UInt8](repeating: UInt8(ascii: "x"), count: 4096)
        while write(log.raw, filler, filler.count) > 0 {}
        let one = [UInt8(ascii: "x")]
        while write(log.raw, one, 1) > 0 {}
        #expect(errno == EAGAIN)
        #expect(kill(left, SIGHUP) == 0)
        // It answers; rdisc6 itself fails until the guest's own link-local address is there.
        try await eventually { guest.succeeds("rdisc6", "-1", "-w", "5000", "eth0") }
        try await supervisor().stop(instance: instance, withdraw: true)
        #expect(kill(left, 0) == -1)
    }

    @Test func `what died while nobody watched is started by the next supervisor`() async throws {
        var first: ProcessSupervisor? = supervisor()
        try await first?.ensure(try spec())
        let left = try #require(pid)
        first = nil
        #expect(kill(left, SIGKILL) == 0)
        // By whoever comes first: this, or the thread of the supervisor that is going.
        _ = ChildProcess.wait(left)
        let second = supervisor()
        try await eventually { await second.observe()[instance]?.isRunning == true }
        #expect(pid != left)
        try await second.stop(instance: instance, withdraw: false)
    }

    @Test func `another process that got the number is neither adopted nor harmed`() async throws {
        var first: ProcessSupervisor? = supervisor()
        try await first?.ensure(try spec())
        let left = try #require(pid)
        first = nil
        #expect(kill(left, SIGKILL) == 0)
        // By whoever comes first: this, or the thread of the supervisor that is going.
        _ = ChildProcess.wait(left)
        let other = try ChildProcess.spawn("/usr/bin/sleep", ["60"])
        defer {
            kill(other, SIGKILL)
            _ = ChildProcess.wait(other)
        }
        for file in ["pid", "process.json"] {
            let path = "\(root)/\(instance)/\(file)"
            let text = try String(contentsOfFile: path, encoding: .utf8)
            try Data(text.replacing("\(left)", with: "\(other)").utf8).write(to: URL(filePath: path))
        }
        let second = supervisor()
        try await eventually { await second.observe()[instance]?.isRunning == true }
        #expect(pid != other)
        try await second.stop(instance: instance, withdraw: false)
        #expect(kill(other, 0) == 0)
    }

    @Test func `a namespace made anew gets a daemon of its own`() async throws {
        let supervisor = supervisor()
        try await supervisor.ensure(try spec())
        let old = try #require(pid)
        try command("/usr/sbin/ip", "netns", "delete", router.name.text)
        try command("/usr/sbin/ip", "netns", "add", router.name.text)
        try await eventually { await supervisor.observe()[instance]?.restarts == 1 }
        try await eventually { await supervisor.observe()[instance]?.isRunning == true }
        let new = try #require(pid)
        #expect(new != old)
        #expect(
            try command("/usr/bin/readlink", "/proc/\(new)/ns/net")
                == router.run("readlink", "/proc/self/ns/net"))
        try await supervisor.stop(instance: instance, withdraw: false)
    }

    @Test func `a daemon that cannot start is named, and started when it can`() async throws {
        let missing = supervisor(binaries: [.radvd: "/nowhere/radvd"])
        await #expect(throws: NodeError.self) { try await missing.ensure(try spec()) }
        var lost = try spec()
        lost.namespace = "kcdm-none"
        let supervisor = supervisor()
        do throws(NodeError) {
            try await supervisor.ensure(lost)
            Issue.record("there is no such namespace")
        } catch {
            #expect(error.code == .noSuchNamespace, "\(error)")
        }
        #expect(await supervisor.observe()[instance]?.isRunning == false)
        try await supervisor.ensure(try spec())
        #expect(await supervisor.observe()[instance]?.isRunning == true)
        try await supervisor.stop(instance: instance, withdraw: true)
    }

    @Test(arguments: ["", "../x", "a/b", "-a", "A", "a b", "a\n"]) func `an instance's name is safe`(name: String)
        async throws
    {
        var bad = try spec()
        bad.instance = name
        let supervisor = supervisor()
        await #expect(throws: NodeError.self) { try await supervisor.ensure(bad) }
        try await supervisor.stop(instance: name, withdraw: true)
        #expect(await supervisor.observe().isEmpty)
    }

    @Test func `radvd takes every configuration we can render`() throws {
        let path = "/tmp/\(router.name).conf"
        defer { unlink(path) }
        for resolvers in 0...8 {
            for lifetime in [0, 1800] {
                let interfaces = try (1...3).map { number in
                    RadvdConfiguration.Interface(
                        name: .gatewaySegment(try VNI(number)),
                        prefix: try IPv6Prefix(parsing: "fd00:0:0:\(number)::/64"),
                        mtu: try MTU(number == 1 ? 1280 : 8930), routerLifetimeSeconds: lifetime,
                        routes: try (0..<(lifetime == 0 ? 2 * resolvers : 0)).map {
                            try IPv6Prefix(parsing: "fd00:0:1:\($0)::/64")
                        },
                        resolvers: (0..<resolvers).map { IPv6Address(high: 0xfd00 << 48, low: UInt64($0 + 1)) })
                }
                try Data(RadvdConfiguration(interfaces: interfaces).text.utf8).write(to: URL(filePath: path))
                try command("/usr/sbin/radvd", "-c", "-C", path)
            }
        }
        try Data("interface seg000001 { AdvSendAdvert maybe; };\n".utf8).write(to: URL(filePath: path))
        #expect(throws: CommandFailure.self) { try command("/usr/sbin/radvd", "-c", "-C", path) }
    }
}
