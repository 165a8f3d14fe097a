import Diagnosis
import NetworkModel
import Resources
import SeededRandomness
import Testing

/// What hosts say that lie, or are broken: the server reads it, and judges ways by it.
@Suite struct HostileFindingsTests {
    @Test func `whatever a host says it found, reading and judging it comes to an end`() throws {
        var random = SeededGenerator(printedFor: "hostile findings")
        let worlds = [Healthy.world(), GatewayWayTests.world(), GatewayWayTests.world(isOutside: false)]
        var taken = 0
        for _ in 0..<3000 {
            var world = try #require(worlds.randomElement(using: &random))
            for side in Side.allCases {
                let end = side == .from ? world.from : world.to
                guard case .done(let findings) = end.host.answer else { continue }
                let text = HostileText(findings.json).spoilt(by: &random)
                let read: PathFindings
                do { read = try PathFindings(json: try JSONParser.parse(text), path: "") } catch { continue }
                taken += 1
                // What is taken over is kept in a store, and read again.
                #expect(try PathFindings(json: try JSONParser.parse(kept: read.json), path: "") == read)
                world.change(side) { $0 = read }
            }
            let verdict = try PathJudgeTests.verdict(world)
            #expect(!verdict.json.isEmpty && !verdict.forProject.json.isEmpty)
        }
        // Most are refused, and enough are not.
        #expect(taken > 300, "\(taken)")
    }

    @Test func `whatever a host answers, reading it comes to an end, and what is taken is read again`() throws {
        var random = SeededGenerator(printedFor: "hostile answers")
        let drops = DropReport(
            counters: ["policy": 7, "rate": 1],
            frames: [
                DroppedFrame(
                    number: 3, time: Timestamp(milliseconds: 1_000_000), reason: "policy", direction: .from, length: 90,
                    bytes: [1, 2, 3])
            ], unseen: 4)
        let leases = LeaseReport(
            leases: [
                Lease(
                    prefix: Healthy.prefix("2001:db8::5/128"), attachment: Healthy.id(3), mac: Healthy.mac(3),
                    duid: "00:01", expires: Timestamp(milliseconds: 2_000_000))
            ], total: 5)
        let translation = TranslationReport(translator: "kernel", counters: ["toIPv4": 5])
        let capture = CaptureReport(
            devices: [CaptureReport.Device(.port, "kct0", lost: 2, failure: "gone")], chunks: 2, frames: 9, dropped: 1,
            end: .time)
        let answers = [
            ProbeResult(.done, message: "so", drops: drops), ProbeResult(.measuring, leases: leases),
            ProbeResult(.done, translation: translation, capture: capture),
        ]
        var taken = 0
        for _ in 0..<3000 {
            let answer = try #require(answers.randomElement(using: &random))
            let text = HostileText(answer.json).spoilt(by: &random)
            let read: ProbeResult
            do { read = try ProbeResult(json: try JSONParser.parse(text), path: "") } catch { continue }
            taken += 1
            #expect(try ProbeResult(json: try JSONParser.parse(kept: read.json), path: "") == read)
            // As `kcnet` sums them up.
            if let capture = read.capture {
                _ = capture.devices.reduce(capture.dropped) { $0 + $1.lost } + capture.frames
            }
        }
        #expect(taken > 100, "\(taken)")
    }
}
