import ComputeModel
import Resources
import SeededRandomness
import Testing

/// What a compute host says is its own to choose: what is taken can be kept and read again.
struct HostileReportTests {
    @Test func `whatever compute hosts report, what is taken can be read again`() throws {
        var random = SeededGenerator(printedFor: "hostile reports of compute hosts")
        let time = Timestamp(milliseconds: 1_000_000)
        let id = try #require(ResourceID("6f8d2c1e-0b3a-4d55-9e77-1c2d3e4f5a6b"))
        try spoil(
            VirtualMachineReport(
                state: .running, generation: 3, since: time,
                conditions: [
                    Condition(.placed, holds: true, since: time),
                    Condition(.started, holds: false, since: time, message: "x"),
                ]), &random)
        try spoil(
            ComputeHostReport(
                architecture: .amd64, capacity: Capacity(cpus: 4, memoryMiB: 8192, diskGiB: 100), hasKVM: true,
                images: [id], foreign: ["other"], message: "x", loss: .init(since: time, reason: "y")), &random)
        try spoil(ConsolePiece([0x1b, 0x41], notice: "x"), &random)
        try spoil(ConsoleOrder(session: id, vm: id, force: true), &random)
    }

    private func spoil<Value: JSONCodable & Hashable>(_ value: Value, _ random: inout SeededGenerator) throws {
        let text = HostileText(value.json)
        #expect(try Value(json: JSONParser.parse(value.json), path: "") == value)
        for _ in 0..<1000 {
            let spoilt = text.spoilt(by: &random)
            let taken: Value
            do { taken = try Value(json: JSONParser.parse(spoilt), path: "") } catch {
                #expect(!"\(error)".isEmpty)
                continue
            }
            do {
                let again = try Value(json: JSONParser.parse(taken.json), path: "")
                #expect(again == taken, "\(String(decoding: spoilt, as: UTF8.self))")
            } catch { Issue.record("\(error): \(String(decoding: spoilt, as: UTF8.self))") }
        }
    }
}
