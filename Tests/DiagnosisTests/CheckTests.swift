import Addressing
import Diagnosis
import Resources
import Testing

/// What `kcnet doctor` makes of what was measured: each check is seen to be content, and not to be.
@Suite struct CheckTests {
    static func traffic(
        _ change: (inout UnderlayTraffic) -> Void = { _ in }, seconds: Int = 2, multicast: Bool = true
    ) -> [String: Check] {
        var traffic = UnderlayTraffic(queriers: [Healthy.address("fe80::9")], frames: [300: 5000])
        change(&traffic)
        let checks = UnderlayTrafficCheck(
            traffic, interface: Healthy.interface("eth0"), vtep: Healthy.vtep(1), wanted: [300], seconds: seconds,
            usesMulticast: multicast
        ).checks
        return Dictionary(uniqueKeysWithValues: checks.map { ($0.name, $0) })
    }

    @Test func `an underlay on which nothing is wrong is`() {
        let checks = Self.traffic()
        #expect(checks.mapValues(\.level) == ["duplicate": .ok, "unwanted": .ok, "querier": .ok])
        #expect(Self.traffic(multicast: false)["querier"] == nil)
    }

    @Test func `another machine with the address of this one is a fault`() throws {
        let check = try #require(Self.traffic { $0.holders = [Healthy.mac(7)] }["duplicate"])
        #expect(check.level == .fail)
        #expect(check.what.contains("\(Healthy.mac(7))") && !check.next.isEmpty && !check.why.isEmpty)
    }

    @Test func `packets with wrong checksums are a fault of some network card`() throws {
        #expect(Self.traffic()["checksums"] == nil)
        #expect(Self.traffic { $0.wrongChecksums = 0 }["checksums"]?.level == .ok)
        let check = try #require(Self.traffic { $0.wrongChecksums = 3 }["checksums"])
        #expect(check.level == .fail && check.what.hasPrefix("3 UDP packets") && check.next.contains("ethtool -K eth0"))
    }

    @Test func `many frames of segments that are not here are worth a word`() throws {
        #expect(try #require(Self.traffic { $0.frames[301] = 1999 }["unwanted"]).level == .ok)
        let check = try #require(Self.traffic { $0.frames[301] = 2000 }["unwanted"])
        #expect(check.level == .warn)
        #expect(check.what.contains("1000 frames a second") && check.what.contains("12d"))
    }

    @Test func `no querier means something when it had time to ask`() throws {
        #expect(try #require(Self.traffic { $0.queriers = [] }["querier"]).level == .ok)
        let check = try #require(Self.traffic({ $0.queriers = [] }, seconds: 130)["querier"])
        #expect(check.level == .warn && !check.next.isEmpty)
    }

    @Test(arguments: [
        (0, 10, Check.Level.ok), (-1900, 10, .ok), (2500, 10, .warn), (-2500, 10, .warn), (2500, 600, .ok),
        (3_600_000, 10, .fail), (-3_600_000, 10, .fail), (60_500, 600, .warn),
    ]) func `a clock that is off is said so, and how far`(_ offset: Int, _ uncertainty: Int, _ level: Check.Level) {
        let check = ClockCheck.check(offset: .milliseconds(offset), uncertainty: .milliseconds(uncertainty))
        #expect(check.level == level, "\(check)")
        if abs(offset) == 3_600_000 { #expect(check.what.contains("3600.00 s \(offset < 0 ? "behind" : "ahead of")")) }
    }

    static let good = HostsCheck.Host(
        name: "h1", phase: "up",
        details: [
            "agent": "0.1.0", "vxlan": "yes", "tun": "yes", "bridge": "yes", "veth": "yes", "multicastJoins": "2340",
            "bridgeNetfilter": "off",
        ])

    static func hosts(_ change: (inout HostsCheck.Host) -> Void, groups: Int = 256) -> [Check] {
        var host = good
        change(&host)
        return HostsCheck([host], groups: groups, usesMulticast: true).checks
    }

    @Test func `what hosts say of themselves is judged`() {
        #expect(Self.hosts { _ in }.map(\.level) == [.ok])
        #expect(Self.hosts { $0.phase = "down" }.map(\.level) == [.fail])
        #expect(Self.hosts { $0.message = "paused" }.map(\.level) == [.warn])
        #expect(Self.hosts { $0.details["vxlan"] = "missing: Operation not supported" }.map(\.level) == [.fail])
        #expect(Self.hosts { $0.details["multicastJoins"] = "255" }.map(\.level) == [.fail])
        #expect(Self.hosts({ $0.details["multicastJoins"] = "365" }, groups: 0).map(\.level) == [.ok])
        #expect(Self.hosts { $0.details["bridgeNetfilter"] = "on" }.map(\.level) == [.warn])
        #expect(Self.hosts { $0.details = [:] }.map(\.level) == [.ok])
    }

    @Test func `two agents for one host are a fault, and said once`() {
        let checks = Self.hosts {
            $0.agents = ["fd0a::1 (boot 11111111)", "fd0a::9 (boot 22222222)"]
            $0.message = "2 agents speak for this host at once"
        }
        #expect(checks.map(\.level) == [.fail])
        #expect(checks[0].what.hasSuffix("fd0a::1 (boot 11111111) and fd0a::9 (boot 22222222)"))
        #expect(checks[0].next.contains("kcd join --force"))
    }

    @Test func `agents of two versions are worth a word`() {
        var other = Self.good
        (other.name, other.details["agent"]) = ("h2", "0.2.0")
        let checks = HostsCheck([other, Self.good], groups: 256, usesMulticast: true).checks
        #expect(checks.map(\.name) == ["host h1", "host h2", "versions"])
        #expect(checks.last?.what == "agents of 0.1.0 and 0.2.0")
        other.phase = "down"
        #expect(
            HostsCheck([other, Self.good], groups: 256, usesMulticast: true).checks.map(\.name) == [
                "host h1", "host h2",
            ])
    }
}
