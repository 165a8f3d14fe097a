import Addressing
import LinuxBPF
import NFTables
import NetworkPlanning
import SeededRandomness
import Testing

/// The program before the guard marks nothing that the guard would not pass as a member's, at once and with nothing to
/// remember. It runs in the kernel, on generated frames.
@Suite(.serialized) struct GuardProgramTests {
    /// Where `tools/bpf` puts it.
    static let path = ".build/debug/guard.bpf.o"
    /// TC_ACT_UNSPEC: on to whatever is next.
    private static let goOn: Int32 = -1

    /// Ethernet's header and that of IPv6.
    private static let least = 54

    private func fill(_ program: GuardProgram, for port: InterfaceName, _ elements: [Elements]) throws {
        try program.clear()
        let frames = SimpleFrames(elements.guardElements)
        if let record = frames.record(of: port) { try program.put(record, device: 1) }
    }

    @Test func `what it marks the guard would have marked, and remembered nothing of`() throws {
        let program = try GuardProgram(path: Self.path)
        let model = try SafetyTests.model()
        let world = model.world
        var generator = FrameGenerator(world: world, random: SeededGenerator(printedFor: "what it marks the guard"))
        var draws: [Int: [[UInt8]]] = [:]
        for _ in 0..<30_000 * DifferentialTests.seeds {
            let draw = generator.draw()
            // The kernel tries no program on less than its header (bpf_prog_test_run_skb); this one wants more.
            guard draw.bytes.count >= Self.least else { continue }
            draws[draw.sender, default: []].append(draw.bytes)
        }
        var marks: [UInt32: Int] = [:]
        for (sender, frames) in draws.sorted(by: { $0.key < $1.key }) {
            let port = world.ports[sender]
            try fill(program, for: port.name, world.elements)
            for bytes in frames {
                guard let frame = EvaluatedFrame(bytes) else { continue }
                // As if it had been marked by somebody before.
                let result = try program.run(on: bytes, mark: KCRuleset.FrameMark.member)
                #expect(result.verdict == Self.goOn)
                guard result.mark != 0 else { continue }
                var state = EvaluationState()
                let judged = model.evaluator.evaluate(
                    frame, at: .prerouting, input: port.interface, output: nil, now: 0, state: &state)
                let hex = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
                marks[result.mark, default: 0] += 1
                try #require(
                    judged.verdict == .accept && judged.mark == result.mark && judged.changes.isEmpty,
                    "\(port.name): \(hex) \(judged)")
            }
        }
        print("frames were marked before the guard: \(marks)")
        #expect(marks[KCRuleset.FrameMark.member] ?? 0 > 500 && marks[KCRuleset.FrameMark.outside] ?? 0 > 100)
        #expect(marks.count == 2)
    }

    @Test func `an empty map marks nothing, and takes marks away`() throws {
        let program = try GuardProgram(path: Self.path)
        let world = try World()
        var generator = FrameGenerator(world: world, random: SeededGenerator(printedFor: "an empty map marks nothing"))
        for _ in 0..<3_000 {
            let bytes = generator.draw().bytes
            guard bytes.count >= Self.least else { continue }
            let result = try program.run(on: bytes, mark: KCRuleset.FrameMark.delivered)
            try #require(result == (Self.goOn, 0))
        }
    }
}

extension [Elements] {
    /// Those of the sets that the agent fills.
    var guardElements: [GuardElement] {
        GuardSet.allCases.flatMap { set in
            (first { $0.set == set.set && $0.family == set.family }?.values ?? []).map { GuardElement(set, $0) }
        }
    }
}
