import Glibc
import Laboratory
import NetworkModel
import Testing

extension SystemTests {
    /// The API is away for longer than anything that agents have from it lasts by the clock.
    struct AbsenceTests {
        /// A host's certificate ends after a week.
        static let days = 9

        @Test func `days without the API change nothing, and afterwards hosts follow it as before`() async throws {
            let warnings = ["the API is away", "certificate", "clock", "ahead", "token", "refused"]
            try await withSystem("two-hosts", warnings: warnings) { system in
                let shift = Self.days * 86_400
                let before = try await system.dumps()
                let ping = try await FastPing.start(
                    from: "h1/web", to: try await system.address(of: "h2/db"), every: 5, in: system)
                let api = try system.machine("api")
                try await api.stop("api", signal: SIGKILL)
                // Agents that go by a clock of days later, and have never heard an API by it.
                for host in ["h1", "h2"] {
                    let machine = try system.machine(host)
                    try await machine.stop("node", signal: SIGKILL)
                    try machine.restart("node", clockShift: shift)
                    try await system.eventually("\(host): the agent is in sync") {
                        try AgentView(of: machine)?.isInSync == true
                    }
                    #expect(try AgentView(of: machine)?.operations == 0)
                }
                #expect(try await system.dumps() == before)
                // They hold on to what was last desired, whoever changes it.
                let line = try #require(before["h2"]?.split(separator: "\n").first { $0.hasPrefix("device kcx") })
                let vxlan = String(line.split(separator: " ")[1])
                try await system.machine("h2").ip("link", "set", vxlan, "mtu", "1400")
                try await system.eventually("h2 repairs itself without the API", within: .seconds(3)) {
                    try await system.machine("h2").canonicalDump() == before["h2"]
                }
                try api.restart("api", clockShift: shift)
                try await system.laboratory.waitForAPI()
                for host in ["h1", "h2"] {
                    let machine = try system.machine(host)
                    try await system.eventually("\(host) follows the API", within: .seconds(30)) {
                        try AgentView(of: machine)?.isConnected == true
                    }
                }
                try await system.settle()
                #expect(try await system.dumps() == before)
                try await system.create(
                    Attachment.kind, #"{"name":"late","spec":{"segment":"blue","host":"h2","port":{"type":"tap"}}}"#)
                try await system.waitUntilWired(Attachment.kind, "late")
                let (lost, sent) = try await ping.stop()
                #expect(lost == 0, "of \(sent)")
            }
        }
    }
}
