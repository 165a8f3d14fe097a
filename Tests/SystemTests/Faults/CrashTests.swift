import APIClient
import Addressing
import Glibc
import Laboratory
import NetworkModel
import Resources
import SeededRandomness
import Testing

extension SystemTests {
    /// `kill -9` at any moment loses nothing that was acknowledged, and leaves nothing that was not wanted.
    struct CrashTests {
        @Test func `the API and the agent are killed again and again while 200 attachments are created`() async throws {
            let seed = UInt64.random(in: 0...UInt64.max)
            print("seed \(seed)")
            let count = 200
            try await withSystem(
                "two-hosts", desired: false, warnings: ["the API is away", "report"]
            ) { system in
                try await system.create(Segment.kind, #"{"name":"blue","spec":{"ipam":"none"}}"#)
                let outcome = Outcome()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for lane in 0..<4 {
                        group.addTask {
                            for number in stride(from: lane, to: count, by: 4) {
                                try await create(number, system, outcome)
                            }
                        }
                    }
                    group.addTask { try await killing(system, seed, outcome, until: count) }
                    try await group.waitForAll()
                }
                let (acknowledged, attempted) = await (outcome.acknowledged, outcome.attempted)
                #expect(acknowledged.count == count)
                let present = try await system.names(Attachment.kind)
                #expect(acknowledged.isSubset(of: present), "lost: \(acknowledged.subtracting(present).sorted())")
                #expect(present.isSubset(of: attempted), "unwanted: \(present.subtracting(attempted).sorted())")
                try await system.eventually("all are wired", within: .seconds(60)) {
                    try await system.client.list(system.collection(Attachment.kind))
                        .allSatisfy { $0.status?["phase"]?.string == "wired" }
                }
                try await noDeviceLeaks(system)
                let before = try await system.dumps()
                for host in ["h1", "h2"] { try await system.restartAgent(on: host, signal: SIGKILL) }
                #expect(try await system.dumps() == before)
            }
        }

        /// What the clients have tried, and what they were told.
        private actor Outcome {
            private(set) var acknowledged: Set<String> = []
            private(set) var attempted: Set<String> = []

            func attempt(_ name: String) { attempted.insert(name) }
            func acknowledge(_ name: String) { acknowledged.insert(name) }
        }

        /// Creates one, as a client does that is not told whether its write arrived: again, until it exists.
        private func create(_ number: Int, _ system: System, _ outcome: Outcome) async throws {
            let name = "a\(number)"
            await outcome.attempt(name)
            let host = number.isMultiple(of: 2) ? "h1" : "h2"
            let deadline = ContinuousClock.now + .seconds(60)
            while ContinuousClock.now < deadline {
                do {
                    try await system.create(
                        Attachment.kind,
                        #"{"name":"\#(name)","spec":{"segment":"blue","host":"\#(host)","port":{"type":"tap"}}}"#)
                    await outcome.acknowledge(name)
                    return
                } catch let problem as APIProblem where problem.code == "name-taken" {
                    // The write before had arrived and only its answer was lost.
                    await outcome.acknowledge(name)
                    return
                } catch let problem as APIProblem where problem.status < 500 {
                    throw problem
                } catch {
                    // Nobody answered: it may or may not have arrived.
                    try await Task.sleep(for: .milliseconds(10))
                }
            }
            throw LaboratoryError(.timeout, operation: "create", subject: name, message: "nobody answered for a minute")
        }

        /// Kills the API and the two agents at moments of the seed's choice, and starts them again at once.
        private func killing(_ system: System, _ seed: UInt64, _ outcome: Outcome, until count: Int) async throws {
            var random = SeededGenerator(seed: seed)
            while await outcome.acknowledged.count < count {
                try await Task.sleep(for: .milliseconds(Int.random(in: 20...400, using: &random)))
                let (machine, role) =
                    [("api", "api"), ("h1", "node"), ("h2", "node")].randomElement(using: &random)
                    ?? ("api", "api")
                try await system.machine(machine).stop(role, signal: SIGKILL)
                try system.machine(machine).restart(role)
            }
            try await system.laboratory.waitForAPI()
        }

        private func noDeviceLeaks(_ system: System) async throws {
            let attachments = try await system.client.list(system.collection(Attachment.kind))
            for host in system.topology.hosts {
                let id = try await system.get(Host.kind, host.name.text).id.description
                let interfaces = attachments.filter { $0.spec?["host"]?.string == id }
                    .compactMap { $0.status?["interface"]?.string }
                let (_, vxlan, bridge) = try await system.devices(ofSegment: "blue")
                let devices = try await system.laboratory.machine(host.name).devices().map(\.name)
                #expect(devices.sorted() == (interfaces + [vxlan, bridge, "lo", host.interface.text]).sorted())
            }
        }
    }
}
