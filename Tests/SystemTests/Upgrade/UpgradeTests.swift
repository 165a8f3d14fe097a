import APIClient
import Glibc
import Laboratory
import NetworkModel
import Resources
import Testing

extension SystemTests {
    /// Newer programs are installed over those of an earlier version, and each daemon is restarted in its turn.
    struct UpgradeTests {
        /// Who speaks with whom meanwhile: agents of the earlier version with the newer API, or the reverse.
        enum Order: CaseIterable, Sendable { case apiFirst, agentsFirst }

        @Test(
            .enabled(
                if: EarlierVersion.folder != nil, "KC_PREVIOUS names no folder with programs of an earlier version"),
            arguments: Order.allCases)
        func `an upgrade of one daemon after another loses no packet and no resource`(_ order: Order) async throws {
            let earlier = try Programs(folder: try #require(EarlierVersion.folder))
            let installed = try InstalledPrograms(earlier)
            defer { installed.remove() }
            try await withSystem("two-hosts", programs: installed.programs, warnings: ["the API is away"]) { system in
                for number in 0..<20 { try await system.create(Attachment.kind, tap("before\(number)", on: number)) }
                try await allWired(system)
                let acknowledged = try await written(system)
                let ping = try await FastPing.start(
                    from: "h1/web", to: system.address(of: "h2/db"), every: 1, in: system)

                try installed.replace(with: try builtPrograms())
                for role in order == .apiFirst ? ["api", "node"] : ["node", "api"] {
                    for machine in role == "api" ? ["api"] : ["h1", "h2"] {
                        try await restart(role, on: machine, of: system, as: installed)
                    }
                    // Also what is half done works: with old agents, or with an old API; and for old clients.
                    try await newcomers("\(role)-is-new", with: earlier, in: system)
                }

                let (lost, sent) = try await ping.stop()
                #expect(lost == 0, "of \(sent)")
                let kept = try await written(system)
                #expect(acknowledged.subtracting(kept).isEmpty, "resources are not what they were")
                try await system.settle()
                let dumps = try await system.dumps()
                for host in ["h1", "h2"] {
                    let plan = try await system.machine(host).command(system.programs.kcd, ["node", "--plan"])
                        .check("plan", host)
                    #expect(plan.contains("nothing to do"), "\(plan)")
                    try await system.restartAgent(on: host, signal: SIGTERM)
                }
                #expect(try await system.dumps() == dumps)
            }
        }

        private func tap(_ name: String, on number: Int) -> String {
            let host = number.isMultiple(of: 2) ? "h1" : "h2"
            return #"{"name":"\#(name)","spec":{"segment":"blue","host":"\#(host)","port":{"type":"tap"}}}"#
        }

        /// As an operator does: the daemon is asked to end, and the service manager starts what is installed now.
        private func restart(
            _ role: String, on name: String, of system: System, as installed: InstalledPrograms
        ) async throws {
            let machine = try system.machine(name)
            #expect(try !installed.isCurrent(role, on: machine), "\(role) on \(name) was not of the earlier version")
            try await machine.stop(role, signal: SIGTERM)
            try machine.restart(role)
            if role == "api" { try await system.laboratory.waitForAPI() }
            for host in role == "api" ? ["h1", "h2"] : [name] {
                let machine = try system.machine(host)
                var said = ""
                do {
                    try await system.eventually("the agent of \(host) is in sync and speaks with the API") {
                        guard let view = try AgentView(of: machine) else { return false }
                        said = view.node["api"]?["message"]?.string ?? ""
                        return view.isInSync && view.isConnected
                    }
                } catch {
                    Issue.record("it says: \(said)")
                    throw error
                }
            }
            #expect(try installed.isCurrent(role, on: machine))
        }

        /// A client of the earlier version creates an attachment on each host; agents wire it.
        private func newcomers(_ name: String, with earlier: Programs, in system: System) async throws {
            for host in ["h1", "h2"] {
                let api = ["--api", "unix:\(system.laboratory.state.apiSocket)"]
                try await Command(
                    earlier.kcnet,
                    ["attachment", "create", "\(name)-\(host)", "--segment", "blue", "--host", host, "--wait=20"] + api
                ).check("create", "\(name)-\(host)")
                let list = try await Command(earlier.kcnet, ["attachment", "list"] + api).check("list", "attachments")
                #expect(list.contains("\(name)-\(host)"))
            }
            try await allWired(system)
        }

        private func allWired(_ system: System) async throws {
            try await system.eventually("all are wired") {
                try await system.client.list(system.collection(Attachment.kind))
                    .allSatisfy { $0.status?["phase"]?.string == "wired" }
            }
        }

        /// What was written of all resources, with their revisions.
        private func written(_ system: System) async throws -> Set<Written> {
            var all: Set<Written> = []
            for kind in [Host.kind, Segment.kind, Attachment.kind, Gateway.kind] {
                for document in try await system.client.list(system.collection(kind)) {
                    all.insert(Written(id: document.id, name: document.name, revision: document.revision))
                }
            }
            return all
        }

        private struct Written: Hashable {
            let id: ResourceID
            let name: Name
            let revision: Revision
        }
    }
}
