import Addressing
import HostState
import NetworkModel
import NetworkNode
import NetworkPlanning
import NodePorts
import NodePortsTesting
import Resources
import Testing
import Waiting

/// Counting drops, and showing them to who asks.
@Suite struct DropTests {
    static let start = ContinuousClock.now
    static let port = Fixture.interface("kctaaaaaaaaaa")
    static let other = Fixture.interface("kctbbbbbbbbbb")
    static let probe = Fixture.id(5, 1)
    static let attachment = Fixture.id(2, 1)

    @Test func `totals go on when the kernel's counters begin again`() {
        var ledger = DropLedger()
        ledger.take([Self.port: ["policy": 10, "rogue-ra": 1]])
        ledger.take([Self.port: ["policy": 15, "rogue-ra": 1]])
        #expect(ledger.totals == [Self.port: ["policy": 15, "rogue-ra": 1]])
        // A new ruleset, in which one reason has dropped something already.
        ledger.take([Self.port: ["policy": 4]])
        ledger.take([Self.port: ["policy": 4, "rogue-ra": 2]])
        #expect(ledger.totals == [Self.port: ["policy": 19, "rogue-ra": 3]])
        ledger.take([:])
        ledger.take([Self.port: ["policy": 4]])
        #expect(ledger.totals[Self.port]?["policy"] == 23)
        ledger.keep { $0 != Self.port }
        #expect(ledger.totals.isEmpty)
    }

    static func frame(_ reason: String, from source: InterfaceName? = port, payload: Int = 1000) -> LoggedFrame {
        let bytes: [UInt8] =
            Array(repeating: 2, count: 12) + [0x86, 0xdd, 0x60, 0, 0, 0, UInt8(payload >> 8), UInt8(payload & 255)]
            + Array(repeating: 0, count: 300)
        return LoggedFrame(
            prefix: reason, source: source, destination: source == nil ? port : nil, bytes: bytes)
    }

    static func collector(seconds: Int) -> DropCollector {
        var collector = DropCollector()
        collector.want(
            [DesiredProbe(id: probe, question: .drops(attachment: attachment), seconds: seconds)],
            port: { $0 == attachment ? port : nil }, at: start)
        return collector
    }

    @Test func `a probe shows its port's frames with reason, direction and length, and ends by itself`() {
        var collector = Self.collector(seconds: 10)
        #expect(collector.isListening)
        var answers = collector.answers([Self.port: ["policy": 7]], at: Self.start)
        #expect(answers.map(\.result) == [ProbeResult(.measuring, drops: DropReport(counters: ["policy": 7]))])
        let time = Timestamp(milliseconds: 5)
        collector.hear(Self.frame("policy", from: nil), time: time, at: Self.start)
        collector.hear(Self.frame("rogue-ra"), time: time, at: Self.start)
        collector.hear(Self.frame("allowed"), time: time, at: Self.start)
        collector.hear(Self.frame("rogue-ra", from: Self.other), time: time, at: Self.start)
        answers = collector.answers([Self.port: ["policy": 9, "rogue-ra": 1]], at: Self.start + .seconds(10))
        let result = answers.first?.result
        #expect(result?.phase == .done)
        #expect(result?.drops?.frames.map(\.reason) == ["policy", "rogue-ra"])
        #expect(result?.drops?.frames.map(\.direction) == [.to, .from])
        #expect(result?.drops?.frames.map(\.number) == [1, 2])
        #expect(result?.drops?.frames.map(\.length) == [1054, 1054])
        #expect(result?.drops?.frames.allSatisfy { $0.bytes.count == 256 } == true)
        #expect(result?.drops?.unseen == 1)
        #expect(!collector.isListening)
        // It stays in the desired state for a while, and is not begun again.
        collector.want(
            [DesiredProbe(id: Self.probe, question: .drops(attachment: Self.attachment), seconds: 10)],
            port: { _ in Self.port }, at: Self.start + .seconds(11))
        #expect(!collector.isListening)
    }

    @Test func `at most 64 frames a second are shown, and the last 64 kept`() {
        var collector = Self.collector(seconds: 10)
        _ = collector.answers([:], at: Self.start)
        for _ in 0..<1000 {
            collector.hear(Self.frame("rate"), time: Timestamp(milliseconds: 1), at: Self.start + .milliseconds(5))
        }
        for _ in 0..<10 {
            collector.hear(Self.frame("rate"), time: Timestamp(milliseconds: 2), at: Self.start + .seconds(2))
        }
        let report = collector.answers([Self.port: ["rate": 1010]], at: Self.start + .seconds(2)).first?.result.drops
        #expect(report?.frames.count == 64)
        #expect(report?.frames.last?.number == 74)
        #expect(report?.unseen == 1010 - 74)
    }

    @Test func `a probe about another host's port is not answered, one for no time is answered at once`() {
        var collector = DropCollector()
        collector.want(
            [DesiredProbe(id: Self.probe, question: .drops(attachment: Self.attachment), seconds: 5)],
            port: { _ in nil }, at: Self.start)
        #expect(!collector.isListening)
        collector = Self.collector(seconds: 0)
        #expect(collector.answers([:], at: Self.start).map(\.result.phase) == [.done])
        #expect(!collector.isListening)
    }

    @Test func `when frames cannot be had the probe says so`() {
        var collector = Self.collector(seconds: 5)
        #expect(collector.fail("taken").map(\.result) == [ProbeResult(.failed, message: "taken")])
        #expect(!collector.isListening)
    }

    @Test func `metrics are as Prometheus reads them`() {
        var metrics = AgentMetrics()
        metrics.drops = [
            AgentMetrics.Drops(
                attachment: Self.attachment, segment: Fixture.id(1, 1), reason: "rogue-ra", count: 3)
        ]
        metrics.learned = 2
        metrics.claims.took = .microseconds(1_500_042)
        let text = metrics.text
        #expect(
            text.contains(
                "kc_drops_total{attachment=\"\(Self.attachment)\",segment=\"\(Fixture.id(1, 1))\",reason=\"rogue-ra\"} 3\n"
            ))
        #expect(text.contains("# TYPE kc_drops_total counter\n"))
        #expect(text.contains("kc_bindings 2\n"))
        #expect(text.contains("kc_claim_seconds_sum 1.500042\n"))
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            #expect(line.split(separator: " ").count == 2, "\(line)")
        }
        var odd = MetricsText()
        odd.sample("kc_x", 1, [("a", "q\"b\\c\nd")])
        #expect(odd.text == "kc_x{a=\"q\\\"b\\\\c\\nd\"} 1\n")
    }

    @Test func `the agent writes what was dropped, and answers who asks for it`() async throws {
        let folder = try Folder()
        let host = Fixture.machine()
        let guest = Fixture.attachment(1)
        var reset = Fixture.reset(5, segments: [Fixture.segment(1)], attachments: [guest])
        let api = StandInAPI(reset)
        reset.probes = [DesiredProbe(id: Self.probe, question: .drops(attachment: guest.id), seconds: 300)]
        let asking = reset
        try await withAgent(host, api, in: folder) {
            try await eventually("wired") { api.received > 0 }
            #expect(!host.packetLog.isBound(.drops))
            host.filterRecords.set([guest.portName: ["rogue-ra": 3], Self.other: ["policy": 9]])
            try await eventually("measured") {
                guard let bytes = try AtomicFile.read(folder.path + "/node.prom", limit: 1 << 20) else { return false }
                let text = String(decoding: bytes, as: UTF8.self)
                return text.contains(
                    "{attachment=\"\(guest.id)\",segment=\"\(guest.segment)\",reason=\"rogue-ra\"} 3\n")
                    && !text.contains("policy")
            }
            api.begin(with: asking)
            api.hangUp()
            try await eventually("listens") { host.packetLog.isBound(.drops) }
            host.packetLog.log(Self.frame("rogue-ra", from: guest.portName), into: .drops)
            try await eventually("answers") {
                guard let drops = api.answers(to: Self.probe).last?.drops else { return false }
                return drops.counters == ["rogue-ra": 3] && drops.frames.map(\.reason) == ["rogue-ra"]
            }
            var change = Fixture.change(6)
            change.removedProbes = [Self.probe]
            api.push(change)
            try await eventually("listens no more") { !host.packetLog.isBound(.drops) }
        }
    }
}
