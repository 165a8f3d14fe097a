import Addressing
import Glibc
import LinuxProcesses
import NFTables
import NetworkModel
import NodePorts
import Resources
import SeededRandomness
import TestNamespaces
import Testing
import Waiting

@testable import NetworkPlanning

/// A gateway's namespace with its routes and its filter: what is predicted from the snapshot is what packets meet there.
@Suite(.serialized) struct GatewayDifferentialTests {
    @Test(.timeLimit(.minutes(10)))
    func `packets cross a gateway as the plan says, under drawn policies`() async throws {
        var seeds = SeededGenerator(printedFor: "packets cross a gateway as the plan says")
        var total = FlowTally()
        var namespace = try GatewayNamespace()
        for number in 0..<40 * DifferentialTests.seeds {
            // Connections outlive a round: each has ports of its own, as long as there are any.
            if number > 0, number % 80 == 0 { namespace = try GatewayNamespace() }
            var round = try GatewayRound(
                namespace, SeededGenerator(seed: seeds.next()), fromPort: UInt16(10_000 + number % 80 * 600))
            try await round.run(packets: 250)
            total.add(round.tally)
        }
        print(total)
        #expect(total.frames >= 10_000 * DifferentialTests.seeds)
        #expect(total.answers > 1_000 * DifferentialTests.seeds)
        for reason in ["policy", "spoofed", "invalid", "input"] {
            #expect(total.reasons[reason] ?? 0 > 0, "never dropped for \(reason)")
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `a source that was right is dropped within two seconds after its way is another one`() async throws {
        let namespace = try GatewayNamespace()
        try namespace.load(newFlowsPerSource: 1_000_000)
        let guest = GatewayNamespace.guests(0)[0]
        for _ in 0..<3 { #expect(try await namespace.forwarded(fromPorts: [9]) == 1) }
        #expect(try namespace.namespace.run("nft", "list", "set", "inet", "kc", "checked").contains("\(guest)"))
        #expect(try namespace.drops()["spoofed"] == 0)

        try namespace.namespace.run("ip", "-6", "route", "add", "\(guest)/128", "dev", "seg00012d")
        let began = ContinuousClock.now
        try await eventually("the packet is dropped") { try await namespace.forwarded(fromPorts: [9]) == 0 }
        #expect(ContinuousClock.now - began < .seconds(2))
        #expect(try namespace.drops()["spoofed"] ?? 0 > 0)
    }

    @Test(.timeLimit(.minutes(1)))
    func `a flow that nobody answers begins once, however much it sends`() async throws {
        let namespace = try GatewayNamespace()
        try namespace.load(newFlowsPerSource: 1)
        // Four may begin at once.
        #expect(try await namespace.forwarded(fromPorts: Array(repeating: 9, count: 100)) == 100)
        #expect(try namespace.drops()["rate"] == 0)
        #expect(try await namespace.forwarded(fromPorts: (0..<100).map { 1000 + $0 }) < 10)
        #expect(try namespace.drops()["rate"] ?? 0 > 90)
    }

    @Test(.timeLimit(.minutes(1)))
    func `a guest may look for few addresses of another segment that nobody is known to have`() async throws {
        let namespace = try GatewayNamespace()
        try namespace.load(newFlowsPerSource: 1_000_000)
        let other = GatewayNamespace.guests(1)[0]
        try namespace.namespace.run("nft", "delete", "element", "inet", "kc", "known", "{ \(other) }")
        // Forty at once, and twenty a second.
        let heard = try await namespace.forwarded(fromPorts: (0..<400).map { 1000 + $0 })
        #expect((40..<100).contains(heard))
        #expect(try namespace.drops()["unknown"] == UInt64(400 - heard))
    }
}
