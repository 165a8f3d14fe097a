import Addressing
import DaemonConfigs
import FoundationEssentials
import Glibc
import LinuxDaemons
import LinuxProcesses
import NetworkModel
import NetworkPlanning
import NodePorts
import TestNamespaces
import Testing
import Waiting

/// The supervisor with the real Kea for IPv4: a router's namespace and a guest's on one wire, and a stock client.
@Suite(.serialized) final class KeaDHCP4Tests: Sendable {
    let router: TestNamespace
    let guest: TestNamespace
    let root: String
    let instance = "kea4-test"

    static let segment = "seg00012c"
    static let mac = "02:6b:63:00:00:01"

    init() throws {
        router = try TestNamespace("kcdk")
        guest = try TestNamespace("kcdk")
        root = "/tmp/kc-kea-\(router.name)"
        try router.run(
            "ip", "link", "add", Self.segment, "type", "veth", "peer", "name", "eth0", "address", Self.mac, "netns",
            guest.name.text)
        try router.run("ip", "address", "add", "10.1.2.1/24", "dev", Self.segment)
        try router.run("ip", "link", "set", Self.segment, "up")
        try guest.run("ip", "link", "set", "eth0", "up")
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        try "#!/bin/sh\nenv >>\(root)/told\n".write(toFile: "\(root)/script", atomically: true, encoding: .utf8)
        chmod("\(root)/script", 0o700)
    }

    deinit {
        if let pid { kill(pid, SIGKILL) }
        do { try FileManager.default.removeItem(atPath: root) } catch {
            Issue.record("cannot remove \(root): \(error)")
        }
    }

    private var pid: ProcessID? {
        let file = "\(root)/\(instance)/configuration.kea-dhcp4.pid"
        guard let text = try? String(contentsOfFile: file, encoding: .utf8) else { return nil }  // not started yet
        return Int32(text.prefix { $0.isNumber })
    }

    private func supervisor() -> ProcessSupervisor {
        ProcessSupervisor(runDirectory: root, binaries: [:]) { _, _ in }
    }

    private func spec(address: String? = "10.1.2.77", others: Int = 0) throws -> DaemonSpec {
        var reservations: [KeaDHCP4Configuration.Reservation] = []
        if let address {
            reservations.append(
                .init(mac: try #require(MACAddress(Self.mac)), address: try IPv4Address(parsing: address)))
        }
        for index in 0..<others {
            reservations.append(
                .init(
                    mac: MACAddress(0x026b_6400_0000 + UInt64(index)),
                    address: IPv4Address(0x0a01_4000 + UInt32(index))))
        }
        let configuration = KeaDHCP4Configuration(subnets: [
            .init(
                vni: try VNI(0x12c), prefix: try IPv4Prefix(parsing: "10.1.0.0/16"), mtu: try MTU(1430),
                domain: try DomainName(parsing: "office.default.cloud.test"), reservations: reservations)
        ])
        return DaemonSpec(
            program: .keaDHCP4, instance: instance, namespace: router.name.text, configuration: configuration.text)
    }

    /// One run of ISC's client.
    /// - Returns: what it was told; nil when it got nothing.
    private func dhclient(seconds: Int = 8) -> String? {
        for file in ["told", "client.leases"] { unlink("\(root)/\(file)") }
        do {
            // In the foreground (-d) it ends with the time it has, so that nothing of it stays.
            _ = try? guest.run(  // its status says that it was ended
                "timeout", "\(seconds)", "sh", "-c",
                "dhclient -4 -1 -d -sf \(root)/script -lf \(root)/client.leases -pf \(root)/client.pid eth0 & pid=$!; "
                    + "until grep -qs new_ip_address \(root)/told || ! kill -0 $pid; do :; done; kill $pid; wait")
            let told = try String(contentsOfFile: "\(root)/told", encoding: .utf8)
            return told.contains("new_ip_address=") ? told : nil
        } catch { return nil }
    }

    @Test func `a client gets the reserved address, the MTU and no router`() async throws {
        let supervisor = supervisor()
        try await supervisor.ensure(try spec())
        let told = try #require(dhclient())
        #expect(told.contains("new_ip_address=10.1.2.77\n"))
        #expect(told.contains("new_subnet_mask=255.255.0.0\n"))
        #expect(told.contains("new_interface_mtu=1430\n"))
        #expect(told.contains("new_domain_name=office.default.cloud.test\n"))
        #expect(!told.contains("new_routers="))
        let leases = try await supervisor.leases(instance: instance)
        #expect(leases.map(\.prefix.description) == ["::ffff:10.1.2.77/128"])
        #expect(leases.first?.mac?.description == Self.mac)
        try await supervisor.stop(instance: instance, withdraw: true)
        #expect(await supervisor.observe().isEmpty)
    }

    /// The time until one reservation more among five thousand is taken. The quickest of some: the suites beside this one
    /// give servers as many at the same time.
    private func quickest(of tries: Int, _ supervisor: ProcessSupervisor) async throws -> Duration {
        var quickest = Duration.seconds(3600)
        for attempt in 1...tries {
            let start = ContinuousClock.now
            try await supervisor.ensure(try spec(others: 5000))
            quickest = min(quickest, start.duration(to: .now))
            if attempt < tries { try await supervisor.ensure(try spec(address: nil, others: 5000)) }
        }
        return quickest
    }

    @Test func `without a reservation nothing is given, and one among five thousand within a second`() async throws {
        let supervisor = supervisor()
        try await supervisor.ensure(try spec(address: nil, others: 5000))
        let before = try #require(pid)
        #expect(dhclient(seconds: 4) == nil)
        let taken = try await quickest(of: 3, supervisor)
        #expect(dhclient()?.contains("new_ip_address=10.1.2.77\n") == true)
        #expect(pid == before)
        #expect(taken < .seconds(1), "the new reservation took \(taken)")
        try await supervisor.stop(instance: instance, withdraw: true)
    }

    @Test func `a server that is killed or does not answer is replaced, and a wrong configuration is refused`()
        async throws
    {
        let supervisor = supervisor()
        try await supervisor.ensure(try spec())
        for signal in [SIGKILL, SIGSTOP] {
            let before = try #require(pid)
            kill(before, signal)
            try await eventually(within: .seconds(20)) {
                let daemon = await supervisor.observe()[instance]
                return daemon?.isRunning == true && pid != nil && pid != before
            }
        }
        var broken = try spec()
        broken.configuration = broken.configuration.replacing("10.1.2.77", with: "10.1.2.777")
        let error = await #expect(throws: NodeError.self) { try await supervisor.ensure(broken) }
        #expect(error?.description.contains("10.1.2.777") == true)
        #expect(dhclient() != nil)
        try await supervisor.stop(instance: instance, withdraw: true)
    }
}
