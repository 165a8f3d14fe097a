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

/// The supervisor with the real Kea: a router's namespace and a guest's on one wire, and stock clients.
@Suite(.serialized) final class KeaDHCP6Tests: Sendable {
    let router: TestNamespace
    let guest: TestNamespace
    let root: String
    let lines = Mutex<[String]>([])
    let instance = "kea6-test"

    static let segment = "seg00012c"
    static let mac = "02:6b:63:00:00:01"

    init() throws {
        router = try TestNamespace("kcdk")
        guest = try TestNamespace("kcdk")
        root = "/tmp/kc-kea-\(router.name)"
        try guest.run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0")
        try makeWire()
        try writeScript()
    }

    private func makeWire() throws {
        try router.run(
            "ip", "link", "add", Self.segment, "type", "veth", "peer", "name", "eth0", "address", Self.mac, "netns",
            guest.name.text)
        try router.run("ip", "address", "add", "fe80::1/64", "dev", Self.segment, "nodad")
        try router.run("ip", "link", "set", Self.segment, "up")
        try guest.run("ip", "link", "set", "eth0", "up")
    }

    deinit {
        // Whatever a failed test left: only processes of this test's own directory.
        if let pid = pid { kill(pid, SIGKILL) }
        endClient()
        do {
            if FileManager.default.fileExists(atPath: root) { try FileManager.default.removeItem(atPath: root) }
        } catch {
            Issue.record("cannot remove \(root): \(error)")
        }
    }

    var pid: ProcessID? {
        let file = "\(root)/\(instance)/configuration.kea-dhcp6.pid"
        guard let text = try? String(contentsOfFile: file, encoding: .utf8) else { return nil }  // not started yet
        return Int32(text.prefix { $0.isNumber })
    }

    func supervisor() -> ProcessSupervisor {
        ProcessSupervisor(runDirectory: root, binaries: [:]) { [weak self] _, line in
            self?.lines.withLock { $0.append(line) }
        }
    }

    func spec(address: String? = "fd00:1:2:3::77", prefix: String? = nil, others: Int = 0) throws -> DaemonSpec {
        var reservations: [KeaDHCP6Configuration.Reservation] = []
        if address != nil || prefix != nil {
            reservations.append(
                .init(
                    mac: try #require(MACAddress(Self.mac)),
                    addresses: try [address].compactMap { $0 }.map { try IPv6Address(parsing: $0) },
                    prefix: try prefix.map { try IPv6Prefix(parsing: $0) }))
        }
        for index in 0..<others {
            reservations.append(
                .init(
                    mac: MACAddress(0x026b_6400_0000 + UInt64(index)),
                    addresses: [IPv6Address(high: 0xfd00_0001_0002_0003, low: 0x1_0000 + UInt64(index))], prefix: nil))
        }
        let configuration = KeaDHCP6Configuration(
            identity: MACAddress(0x7200_0000_0001),
            subnets: [
                .init(
                    vni: try VNI(0x12c), prefix: try IPv6Prefix(parsing: "fd00:1:2:3::/64"),
                    resolvers: [try IPv6Address(parsing: "fd00::53")], reservations: reservations)
            ])
        return DaemonSpec(
            program: .keaDHCP6, instance: instance, namespace: router.name.text, configuration: configuration.text)
    }

    /// One run of ISC's client, with files of its own.
    /// - Returns: whether it got what it asked for.
    func dhclient(_ words: String..., seconds: Int = 6) -> Bool {
        endClient()
        do {
            try awaitLinkLocal()
            try guest.run(
                ["timeout", "\(seconds)", "dhclient", "-6", "-1", "-sf", script, "-lf", "\(root)/client.leases"]
                    + ["-pf", "\(root)/client.pid"] + words + ["eth0"])
        } catch { return false }
        // It is in the background by now, and about to say with which process id.
        let deadline = ContinuousClock.now + .seconds(5)
        while clientID == nil, ContinuousClock.now < deadline {}
        return true
    }

    /// ISC's client ends at once on an interface without a usable link-local address.
    private func awaitLinkLocal() throws {
        let deadline = ContinuousClock.now + .seconds(5)
        while ContinuousClock.now < deadline {
            let text = try guest.run("ip", "-6", "address", "show", "dev", "eth0", "scope", "link")
            if text.contains("fe80::"), !text.contains("tentative") { return }
        }
    }

    /// What the client would run to set the interface up: here it only writes down what it was told.
    private var script: String { "\(root)/script" }

    var told: String { (try? String(contentsOfFile: "\(root)/told", encoding: .utf8)) ?? "" }

    private func writeScript() throws {
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        try "#!/bin/sh\nenv >>\(root)/told\n".write(toFile: script, atomically: true, encoding: .utf8)
        chmod(script, 0o700)
    }

    private var clientID: ProcessID? {
        // None yet, or none any more.
        guard let text = try? String(contentsOfFile: "\(root)/client.pid", encoding: .utf8) else { return nil }
        return Int32(text.prefix { $0.isNumber })
    }

    /// Ends the client that stays after it got its lease.
    private func endClient() {
        if let clientID { kill(clientID, SIGKILL) }
        unlink("\(root)/client.pid")
    }

    /// Ends the client; its leases are forgotten too, so that the next is a new DUID.
    func forgetClient(duid isKept: Bool = false) {
        endClient()
        if !isKept { unlink("\(root)/client.leases") }
    }

    var leases: String { (try? String(contentsOfFile: "\(root)/client.leases", encoding: .utf8)) ?? "" }

    func problem(_ supervisor: ProcessSupervisor) async -> String? { await supervisor.observe()[instance]?.problem }

    @Test func `a client gets the reserved address and the resolvers`() async throws {
        let supervisor = supervisor()
        try await supervisor.ensure(try spec())
        #expect(dhclient())
        forgetClient(duid: true)
        #expect(leases.contains("iaaddr fd00:1:2:3::77"))
        #expect(leases.contains("dhcp6.name-servers fd00::53"))
        try await supervisor.stop(instance: instance, withdraw: true)
        #expect(await supervisor.observe().isEmpty)
        #expect(!FileManager.default.fileExists(atPath: "\(root)/\(instance)"))
    }

    @Test func `whoever has no reservation gets no address, and resolvers all the same`() async throws {
        let supervisor = supervisor()
        try await supervisor.ensure(try spec(address: nil))
        #expect(!dhclient(seconds: 4))
        forgetClient()
        #expect(dhclient("-S"))
        forgetClient()
        #expect(told.contains("new_dhcp6_name_servers=fd00::53"))
        try await supervisor.stop(instance: instance, withdraw: true)
    }

    @Test func `a reservation among five thousand is served within a second, by the same process`() async throws {
        let supervisor = supervisor()
        try await supervisor.ensure(try spec(address: nil, others: 5000))
        let before = try #require(pid)
        var told = Duration.seconds(3600)
        // The quickest of three: the suite beside this one gives a server as many at the same time.
        for attempt in 1...3 {
            let start = ContinuousClock.now
            try await supervisor.ensure(try spec(others: 5000))
            told = min(told, start.duration(to: .now))
            if attempt < 3 { try await supervisor.ensure(try spec(address: nil, others: 5000)) }
        }
        #expect(dhclient())
        forgetClient(duid: true)
        #expect(leases.contains("iaaddr fd00:1:2:3::77"))
        #expect(pid == before)
        #expect(told < .seconds(1), "the new reservation took \(told)")
        try await supervisor.stop(instance: instance, withdraw: true)
    }

    @Test func `a router gets its prefix`() async throws {
        let supervisor = supervisor()
        try await supervisor.ensure(try spec(prefix: "fd00:d:0:10::/60"))
        #expect(dhclient("-P"))
        forgetClient(duid: true)
        #expect(leases.contains("iaprefix fd00:d:0:10::/60"))
        try await supervisor.stop(instance: instance, withdraw: true)
    }

    @Test func `a guest that is installed anew gets its address again`() async throws {
        let supervisor = supervisor()
        try await supervisor.ensure(try spec())
        #expect(dhclient())
        forgetClient()
        // Its DUID has the time in it, in seconds.
        try await eventually { dhclient("-D", "LL", seconds: 10) }
        forgetClient(duid: true)
        #expect(leases.contains("iaaddr fd00:1:2:3::77"))
        try await supervisor.stop(instance: instance, withdraw: true)
    }

    @Test func `a configuration that Kea does not take is refused, and the running one goes on`() async throws {
        let supervisor = supervisor()
        try await supervisor.ensure(try spec())
        let before = pid
        var broken = try spec()
        broken.configuration = broken.configuration.replacing("fd00:1:2:3::77", with: "fd00:1:2:3::zz")
        let error = await #expect(throws: NodeError.self) { try await supervisor.ensure(broken) }
        #expect(error?.description.contains("fd00:1:2:3::zz") == true)
        #expect(pid == before)
        #expect(dhclient())
        forgetClient()
        try await supervisor.stop(instance: instance, withdraw: true)
    }

    @Test func `a server that is killed or does not answer is replaced`() async throws {
        let supervisor = supervisor()
        try await supervisor.ensure(try spec())
        for signal in [SIGKILL, SIGSTOP] {
            let before = try #require(pid)
            kill(before, signal)
            try await eventually(within: .seconds(20)) {
                let daemon = await supervisor.observe()[instance]
                return daemon?.isRunning == true && pid != nil && pid != before
            }
            #expect(dhclient())
            forgetClient()
        }
        #expect(await supervisor.observe()[instance]?.restarts == 2)
        try await supervisor.stop(instance: instance, withdraw: true)
    }

    @Test func `a port that another program holds is named, and taken when it is free`() async throws {
        let holder = try router.hold(port: 547)
        let supervisor = supervisor()
        try await supervisor.ensure(try spec())
        try await eventually(within: .seconds(10)) {
            await problem(supervisor)?.contains("Address already in use") == true
        }
        holder.end()
        try await eventually(within: .seconds(10)) { await problem(supervisor) == nil }
        #expect(dhclient())
        forgetClient()
        try await supervisor.stop(instance: instance, withdraw: true)
    }

    @Test func `an interface that is down is named, and one that is made again is served`() async throws {
        try router.run("ip", "link", "set", Self.segment, "down")
        let supervisor = supervisor()
        try await supervisor.ensure(try spec())
        try await eventually(within: .seconds(10)) { await problem(supervisor)?.contains(Self.segment) == true }
        try router.run("ip", "link", "set", Self.segment, "up")
        try await eventually(within: .seconds(10)) { await problem(supervisor) == nil }
        let before = pid
        try router.run("ip", "link", "delete", Self.segment)
        try makeWire()
        try await eventually(within: .seconds(20)) { dhclient(seconds: 2) }
        forgetClient()
        #expect(pid == before)
        try await supervisor.stop(instance: instance, withdraw: true)
    }

    @Test func `the next supervisor takes the running server up`() async throws {
        try await supervisor().ensure(try spec())
        let before = try #require(pid)
        let next = supervisor()
        #expect(await next.observe()[instance]?.isRunning == true)
        try await next.ensure(try spec(address: "fd00:1:2:3::78"))
        #expect(dhclient())
        forgetClient(duid: true)
        #expect(leases.contains("iaaddr fd00:1:2:3::78"))
        #expect(pid == before)
        try await next.stop(instance: instance, withdraw: true)
    }
}

/// A program that holds a UDP port.
final class PortHolder: Sendable {
    private let pid: ProcessID
    private let hasEnded = Mutex(false)

    init(_ pid: ProcessID) { self.pid = pid }

    func end() {
        let isFirst = hasEnded.withLock { ended in
            defer { ended = true }
            return !ended
        }
        guard isFirst else { return }
        kill(pid, SIGKILL)
        _ = ChildProcess.wait(pid)
    }

    deinit { end() }
}

extension TestNamespace {
    /// Has a program in the namespace hold the UDP port on all addresses.
    func hold(port: Int) throws -> PortHolder {
        let program =
            "import socket,time; s=socket.socket(socket.AF_INET6,socket.SOCK_DGRAM); "
            + "s.bind(('::',\(port))); time.sleep(600)"
        let pid = try ChildProcess.spawn(
            "/usr/sbin/ip", ["netns", "exec", name.text, "/usr/bin/python3", "-c", program])
        let holder = PortHolder(pid)
        let deadline = ContinuousClock.now + .seconds(10)
        while try !run("ss", "-Hlun", "sport = :\(port)").contains(":\(port)") {
            guard ContinuousClock.now < deadline else { throw HolderError.isLate }
        }
        return holder
    }

    enum HolderError: Error { case isLate }
}
