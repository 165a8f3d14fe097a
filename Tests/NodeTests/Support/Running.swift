import Glibc
import HostState
import Logging
import NetworkNode
import NodePorts
import NodePortsTesting
import Resources
import Testing

/// Runs an agent over a host in memory and a control plane of the test's, in a folder of its own, while `body` runs.
func withAgent(
    _ host: InMemoryHost, _ api: StandInAPI, in folder: Folder, settings: AgentSettings = .quick,
    links: (any LinkTable)? = nil, captures: (any FrameCapturing)? = nil,
    logger: Logger = .silent, _ body: @escaping @Sendable () async throws -> Void
) async throws {
    let agent = NodeAgent(
        ports: HostPorts(
            links: links ?? host.links, filter: host.filter, namespaces: host.namespaces, daemons: host.daemons,
            packets: host.packets, frames: host.frames, records: host.records, firewalls: host.firewalls,
            export: host.export, translators: host.translators, captures: captures),
        source: api, sink: api, files: folder.files, settings: settings,
        facts: HostFacts(kernel: "6.1", version: "test"), endpoint: "unix:/test", logger: logger)
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await agent.run() }
        try await body()
        group.cancelAll()
        try await group.waitForAll()
    }
}

extension AgentSettings {
    /// The product's relations between times, shorter.
    static var quick: AgentSettings {
        var settings = AgentSettings()
        settings.fullComparison = .milliseconds(500)
        settings.recheck = .milliseconds(50)
        settings.echo = .milliseconds(20)
        settings.firstRetry = .milliseconds(10)
        settings.longestRetry = .milliseconds(100)
        settings.firstReconnect = .milliseconds(5)
        settings.longestReconnect = .milliseconds(20)
        settings.lease = .milliseconds(20)
        settings.deafness = .milliseconds(120)
        settings.snapshot = .milliseconds(10)
        settings.snapshotRetry = .milliseconds(20)
        settings.status = .milliseconds(10)
        settings.metrics = .milliseconds(10)
        settings.publication = .milliseconds(20)
        return settings
    }
}

extension Logger {
    static var silent: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}

/// A folder that is gone with the value.
final class Folder: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/kc-node-\(getpid())-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { throw FileError("make folder", "/tmp") }
        path = String(cString: made)
    }

    deinit {
        for name in [
            "snapshot.json", "snapshot.json.damaged", "node.json", "api.json", "credential", "lock", "node.prom",
        ] {
            unlink(path + "/" + name)
        }
        rmdir(path)
    }

    var files: AgentFiles {
        AgentFiles(state: StateFolder(path: path), status: path + "/node.json", metrics: path + "/node.prom")
    }

    /// The status file's member; nil while there is none.
    func status(_ member: String) throws -> String? {
        guard let bytes = try AtomicFile.read(path + "/node.json", limit: 1 << 20) else { return nil }
        return try JSONParser.parse(bytes)[member].map { String(decoding: $0.raw, as: UTF8.self) }
    }
}
