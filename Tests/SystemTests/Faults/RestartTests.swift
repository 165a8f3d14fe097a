import APIClient
import Glibc
import Laboratory
import NetworkModel
import Resources
import Testing

extension SystemTests {
    /// An agent or API that ends and comes back changes no packet.
    struct RestartTests {
        @Test func `an agent that is killed or stopped, and started again, loses no packet and has nothing to do`()
            async throws
        {
            try await withSystem("two-hosts") { system in
                let before = try await system.dumps()
                let ping = try await FastPing.start(from: "h1/web", to: system.address(of: "h2/db"), in: system)
                var programs = [try await marking("h1", system)]
                for signal in [SIGKILL, SIGTERM] {
                    for host in ["h1", "h2"] { try await system.restartAgent(on: host, signal: signal) }
                    programs.append(try await marking("h1", system))
                }
                // What an agent had marked before the guard is its own: another one begins with nothing.
                #expect(Set(programs).count == 3 && !programs.contains(""), "\(programs)")
                let (lost, sent) = try await ping.stop()
                #expect(lost == 0, "of \(sent)")
                #expect(try await system.dumps() == before)
                try await system.settle()
            }
        }

        /// The kernel's number of the program before the guard at a host's ports; empty when there is none.
        private func marking(_ host: String, _ system: System) async throws -> String {
            let text = try await system.machine(host).command("tc", ["filter", "show", "block", "1801650176"])
                .check("read", "filters")
            return text.firstMatch(of: /kc_guard.* id (\d+)/).map { String($0.1) } ?? ""
        }

        @Test func `an API that is away for a while stops nothing, also not a restart of the agent`() async throws {
            let away = isLong ? Duration.seconds(60) : .seconds(5)
            try await withSystem("two-hosts", warnings: ["the API is away"]) { system in
                let before = try await system.dumps()
                let address = try await system.address(of: "h2/db")
                let ping = try await FastPing.start(from: "h1/web", to: address, every: 5, in: system)
                let api = try system.machine("api")
                try await api.stop("api", signal: SIGKILL)
                let end = ContinuousClock.now + away
                try await system.restartAgent(on: "h1", signal: SIGKILL)
                // What is ours is kept as it is, also without the API: the snapshot says how.
                let (_, vxlan, _) = try await devicesFromDump(before["h2"])
                try await system.machine("h2").ip("link", "set", vxlan, "mtu", "1400")
                try await system.eventually("h2 repairs itself without the API", within: .seconds(3)) {
                    try await system.machine("h2").canonicalDump() == before["h2"]
                }
                // The absence itself is what is tested: nothing to wait for happens in it.
                try await Task.sleep(until: end)
                try api.restart("api")
                try await system.laboratory.waitForAPI()
                let (lost, sent) = try await ping.stop()
                #expect(lost == 0, "of \(sent)")
                try await system.settle()
                #expect(try await system.dumps() == before)
                try await system.create(
                    Attachment.kind, #"{"name":"late","spec":{"segment":"blue","host":"h2","port":{"type":"tap"}}}"#)
                try await system.waitUntilWired(Attachment.kind, "late")
            }
        }

        /// The devices of one segment, read from a dump: the API cannot be asked.
        private func devicesFromDump(_ dump: String?) async throws -> (String, String, String) {
            let line = try #require(dump?.split(separator: "\n").first { $0.hasPrefix("device kcx") })
            let name = String(line.split(separator: " ")[1])
            return ("", name, "kcb" + name.dropFirst(3))
        }
    }
}
