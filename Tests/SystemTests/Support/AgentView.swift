import FoundationEssentials
import Laboratory
import Resources
import Testing
import Waiting

/// What an agent says of itself in /run/kc/node.json.
struct AgentView {
    let node: JSONNode

    /// nil while there is none, or only that of an agent before it.
    init?(of machine: Machine) throws {
        let file = "\(machine.directory)/run/node.json"
        guard FileManager.default.fileExists(atPath: file) else { return nil }
        node = try JSONParser.parse(Array(try Data(contentsOf: URL(filePath: file))))
        guard try machine.daemon("node")?.process.pid == Int32(pid) else { return nil }
    }

    var pid: Int { number("pid") }
    var operations: Int { number("operations") }
    var failedOperations: Int { number("failedOperations") }
    var driftRepairs: Int { number("driftRepairs") }
    var revision: Int { number("revision") }
    var isInSync: Bool { if case .bool(true)? = node["inSync"]?.content { true } else { false } }
    var isConnected: Bool { if case .bool(true)? = node["api"]?["connected"]?.content { true } else { false } }

    private func number(_ name: String) -> Int { node[name].flatMap { Int($0.excerpt) } ?? -1 }
}

extension System {
    /// Ends the agent of a host with a signal and starts it again; the new one must find nothing to do.
    func restartAgent(on host: String, signal: Int32, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let machine = try machine(host)
        try await machine.stop("node", signal: signal)
        try machine.restart("node")
        var last: AgentView?
        try await eventually("\(host): the restarted agent is in sync", sourceLocation: sourceLocation) {
            last = try AgentView(of: machine)
            return last?.isInSync == true
        }
        let view = try #require(last)
        guard view.operations != 0 else { return }
        let log = try String(contentsOfFile: machine.log(of: "node"), encoding: .utf8)
        Issue.record(
            "a restart must find nothing to do; its log ends with:\n\(log.suffix(4000))", sourceLocation: sourceLocation
        )
    }
}
