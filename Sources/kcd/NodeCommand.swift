import APIClient
import ArgumentParser
import FoundationEssentials
import Glibc
import HostState
import Logging
import NetworkModel
import NetworkNode
import NetworkPlanning
import NodePorts
import Resources
import ServiceLifecycle
import SystemService
import UnixSignals

struct NodeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "node", abstract: "Run the node agent: make this host what the API says.",
        discussion: """
            A machine that has joined (`kcd join`) needs no options. Beside an API server on the same machine, \
            `kcd node --host NAME` uses its Unix socket. When the agent ends, the data path stays as it is.
            """)

    @OptionGroup var options: NodeOptions
    @Flag(help: "Print what would be done, and change nothing.") var plan = false
    @Flag(help: "Take everything of KC away from this host, and nothing else.") var remove = false
    @Option(help: "How --plan prints: text or json.") var output: Output = .text

    enum Output: String, ExpressibleByArgument, CaseIterable { case text, json }

    func validate() throws {
        if plan, remove { throw ValidationError("--plan and --remove exclude each other") }
        if output != .text, !plan { throw ValidationError("--output is for --plan alone") }
    }

    mutating func run() async throws {
        APIClient.shareOneThread()
        let settings = try options.resolve()
        LineLog.begin(level: settings.logLevel)
        guard geteuid() == 0 else { throw Failure("kcd node makes network devices and needs root; run it with sudo") }
        // A child or a client that ends early is an error of a write, not the end of the agent.
        signal(SIGPIPE, SIG_IGN)
        do {
            if plan { return try await printPlan(settings) }
            try AtomicFile.makeFolder(settings.runDirectory, mode: 0o755)
            try AtomicFile.makeFolder(settings.runDirectory + "/metrics", mode: 0o755)
            let lock = try InstanceLock(path: settings.runDirectory + "/node.lock")
            if remove { try await removeAll(settings) } else { try await runAgent(settings) }
            // Held until here: a second agent waits for the end of this one.
            _ = consume lock
        } catch let error as ExitCode { throw error } catch { throw Failure("\(error)") }
    }

    private func runAgent(_ settings: NodeSettings) async throws {
        let logger = Logger(label: "kc.node")
        let upstream = try settings.upstream()
        let manager = ServiceManager()
        let agent = NodeAgent(
            ports: try await NodeWiring.markingPorts(settings), source: upstream.plane, sink: upstream.plane,
            files: AgentFiles(
                state: settings.state, status: settings.runDirectory + "/node.json",
                metrics: settings.runDirectory + "/metrics/node.prom"),
            settings: AgentSettings(), facts: NodeWiring.facts(), endpoint: upstream.client.endpoint.description,
            logger: logger, probe: NodeWiring.probe,
            turned: { isReady in
                manager?.alive()
                if isReady { manager?.ready() }
            })
        logger.notice(
            "the node agent starts",
            metadata: ["pid": "\(getpid())", "api": "\(upstream.client.endpoint)", "host": "\(upstream.host)"])
        var quiet = logger
        quiet.logLevel = max(.warning, logger.logLevel)
        let keeper = upstream.certification.map { CertificateKeeper($0, logger: logger) }
        let group = ServiceGroup(
            services: [agent] + (keeper.map { [$0] } ?? []), gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet
        )
        do { try await group.run() } catch {
            await upstream.client.shutdown()
            throw error
        }
        manager?.stopping()
        await upstream.client.shutdown()
    }

    private func printPlan(_ settings: NodeSettings) async throws {
        let upstream = try settings.upstream()
        let desired: PlanPreview.Desired
        do {
            desired = try await PlanPreview.desired(upstream.plane, settings.state.snapshot, patience: .seconds(5))
        } catch {
            await upstream.client.shutdown()
            throw error
        }
        await upstream.client.shutdown()
        if let reason = desired.apiIsAway {
            standardError(
                "the API does not answer (\(reason)); this is planned from the last snapshot, "
                    + "revision \(desired.snapshot.revision)\n")
        }
        let preview = PlanPreview(try NodeWiring.ports(settings), logger: Logger(label: "kc.node"))
        let plan = try await preview.plan(for: desired.snapshot)
        switch output {
        case .text:
            print(plan)
            for line in try await preview.names(for: desired.snapshot) { print("names: \(line)") }
        case .json: print(String(decoding: plan.json, as: UTF8.self))
        }
    }

    private func removeAll(_ settings: NodeSettings) async throws {
        let report = try await Removal(try NodeWiring.ports(settings), logger: Logger(label: "kc.node")).run()
        // Or the next agent would begin by making everything again, before it has asked anybody.
        try settings.state.snapshot.remove()
        for step in report.done { print(step.operation) }
        guard report.left.isEmpty else {
            for failure in report.left { standardError("left: \(failure.step.operation): \(failure.error)\n") }
            throw ExitCode(1)
        }
        print(report.done.isEmpty ? "nothing of KC is on this host" : "nothing of KC is left on this host")
    }
}

/// An error whose text is all that a person needs.
struct Failure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

func standardError(_ text: String) {
    let bytes = Array(text.utf8)
    // Nothing can be done about a closed standard error.
    _ = write(STDERR_FILENO, bytes, bytes.count)
}
