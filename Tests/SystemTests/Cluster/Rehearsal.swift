import APIClient
import Glibc
import Laboratory
import NetworkModel
import Resources
import Testing

/// Changes at one server or the other while machines of the control plane are lost, and what was acknowledged so far.
struct Rehearsal {
    let system: System
    /// Attachments that a server has said to have made.
    private(set) var acknowledged: Set<String> = []

    init(system: System) { self.system = system }

    func kill(_ role: String, on name: String) throws {
        try #require(try system.machine(name).daemon(role)).process.signal(SIGKILL)
    }

    func startAgain(_ role: String, on name: String) throws {
        let machine = try system.machine(name)
        let daemon = try #require(try machine.daemon(role))
        try machine.start(role: role, daemon.program, daemon.arguments)
    }

    /// Puts an attachment on every host at one server, and waits until the agents have said that these are wired, and
    /// all others that were ever acknowledged.
    mutating func change(_ name: String, by server: String) async throws {
        var made: Set<String> = []
        try await with(server) { client in
            for host in system.topology.hosts {
                let one = "\(name)-\(host.name)"
                let draft =
                    #"{"name":"\#(one)","labels":{"rehearsal":"yes"},"spec":{"segment":"blue","host":"\#(host.name)"}}"#
                // While etcd elects a leader a write may be refused; one that was done all the same has its name taken.
                try await system.eventually("\(one) is made", within: .seconds(30)) {
                    do { _ = try await client.create(Self.attachments(system), Array(draft.utf8)) } catch let problem
                        as APIProblem where problem.code == "name-taken"
                    {}
                    return true
                }
                made.insert(one)
            }
        }
        acknowledged.formUnion(made)
        let wanted = acknowledged
        try await with(server) { client in
            try await system.eventually("\(name) is wired", within: .seconds(30)) {
                let all = try await client.list(Self.attachments(system), selector: "rehearsal")
                let wired = all.filter { $0.status?["phase"]?.string == "wired" }
                let (there, missing) = (Set(all.map(\.name.text)), wanted.subtracting(wired.map(\.name.text)))
                guard missing.isEmpty, there == wanted else {
                    throw NotYet(text: "at \(server) \(missing.sorted()) are not wired, of \(there.sorted())")
                }
                return true
            }
        }
    }

    /// Takes all of them away at one server, until their ports are gone from the hosts.
    mutating func takeAway(by server: String) async throws {
        try await with(server) { client in
            for document in try await client.list(Self.attachments(system), selector: "rehearsal") {
                try await client.delete(Self.attachments(system), document.name.text)
            }
        }
        acknowledged = []
        try await system.eventually("the ports are gone", within: .seconds(30)) {
            for host in system.topology.hosts {
                let links = try await system.machine(host.name.text).command("ip", ["-brief", "link"]).run().output
                // The guest's, and that of the gateway.
                let own = host.guests.count + (host.roles.contains(.gateway) ? 1 : 0)
                guard links.split(separator: "\n").count(where: { $0.hasPrefix("kct") }) == own else { return false }
            }
            return true
        }
    }

    /// What was acknowledged under this name is not in the store any more: attachments of it must go.
    mutating func forget(_ name: String) {
        acknowledged = acknowledged.filter { !$0.hasPrefix("\(name)-") }
    }

    /// What a server answers to a write that it cannot take.
    func refusal(by server: String) async throws -> APIProblem {
        var refusal: APIProblem?
        try await with(server) { client in
            do {
                _ = try await client.create(
                    system.collection(Segment.kind), Array(#"{"name":"lost","spec":{"ipam":"none"}}"#.utf8))
            } catch let problem as APIProblem { refusal = problem }
        }
        return try #require(refusal, "it was taken")
    }

    private struct NotYet: Error { let text: String }

    private static func attachments(_ system: System) -> ResourceCollection { system.collection(Attachment.kind) }

    private func with(_ server: String, _ body: (APIClient) async throws -> Void) async throws {
        let client = try system.laboratory.client(of: server)
        do { try await body(client) } catch {
            await client.shutdown()
            throw error
        }
        await client.shutdown()
    }
}
