import APIClient
import Laboratory
import NetworkModel
import Resources
import Testing

extension SystemTests {
    /// What docs/topology.md rehearses by hand: a control plane on several machines loses one after the other.
    struct ClusterTests {
        @Test func `machines of the control plane are lost, and nothing acknowledged or forwarded is`() async throws {
            let warnings = ["the API is away", "report", "etcd", "store", "watch", "unavailable"]
            try await withSystem("cluster", warnings: warnings) { system in
                var rehearsal = Rehearsal(system: system)
                let before = try await system.dumps()
                let ping = try await FastPing.start(
                    from: "h1/web", to: try await system.address(of: "h2/db"), every: 20, in: system)
                try await rehearsal.change("one", by: "api")
                try await rehearsal.change("two", by: "api2")
                // A minority of etcd, its leader or not.
                try rehearsal.kill("etcd", on: "etcd1")
                try await rehearsal.change("three", by: "api")
                try await rehearsal.change("four", by: "api2")
                // With it the server that some of the agents follow.
                try rehearsal.kill("api", on: "api")
                try await rehearsal.change("five", by: "api2")
                // A server without a majority of etcd takes nothing and says so, and what forwards goes on.
                let full = try await system.dumps()
                try rehearsal.kill("etcd", on: "etcd2")
                let problem = try await rehearsal.refusal(by: "api2")
                #expect(problem.status == 503, "\(problem)")
                #expect(problem.code == "unavailable", "\(problem)")
                try await ping.comesBack(20, in: system)
                #expect(try await system.dumps() == full)
                // They come back with what they had, and all of it can be changed again.
                for name in ["etcd1", "etcd2"] { try rehearsal.startAgain("etcd", on: name) }
                try rehearsal.startAgain("api", on: "api")
                try await system.laboratory.waitForAPI()
                try await rehearsal.change("six", by: "api")
                try await rehearsal.takeAway(by: "api2")
                try await system.settle()
                #expect(try await system.dumps() == before)
                let (lost, sent) = try await ping.stop()
                #expect(lost == 0, "of \(sent) packets")
            }
        }
    }
}
