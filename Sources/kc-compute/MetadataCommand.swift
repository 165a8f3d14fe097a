import APIClient
import ArgumentParser
import Glibc
import HostState
import Logging
import Metadata
import NetworkNode
import Resources
import ServiceLifecycle
import SystemService
import UnixSignals

struct MetadataCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "metadata", abstract: "Tell the guests of this machine's gateways who they are.",
        discussion: """
            The consumer of a gateway's service, which is made once for each gateway:

                kcnet service create metadata --gateway edge --port 80 --consumer unix:/run/kc/services/metadata

            Guests then find NoCloud, OpenStack and EC2 metadata at http://[fe80::a9fe:a9fe%25eth0], and at http://metadata \
            where the gateway has a resolver. A machine that has joined (`kcd join`) needs no options. Beside an API server \
            on the same machine, `kc-compute metadata --host NAME` uses its Unix socket.
            """)

    @Option(help: "The API's address: unix:PATH, https://HOST:PORT, or http:// on loopback.") var api: String?
    @Option(help: "The name or id of KC's host, where the machine has not joined.") var host: String?
    @Option(name: .customLong("host-state-dir"), help: "Where `kcd join` left this machine's membership.")
    var hostStateDirectory = "/var/lib/kc/node"
    @Option(help: "The Unix socket that gateways' proxies connect to.") var socket = "/run/kc/services/metadata"
    @Option(name: .customLong("log-level"), help: "trace, debug, info, notice, warning or error.") var logLevel = "info"

    func validate() throws {
        guard Logger.Level(rawValue: logLevel) != nil else {
            throw ValidationError("--log-level '\(logLevel)' must be one of trace, debug, info, notice, warning, error")
        }
        guard socket.hasPrefix("/"), socket.utf8.count <= 100, !socket.hasSuffix("/") else {
            throw ValidationError("--socket '\(socket)' must be an absolute path of at most 100 bytes")
        }
    }

    mutating func run() async throws {
        APIClient.shareOneThread()
        LineLog.begin(level: Logger.Level(rawValue: logLevel) ?? .info)
        signal(SIGPIPE, SIG_IGN)
        do {
            let folder = socket.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" }
            if !folder.isEmpty, access(folder, F_OK) != 0 { try AtomicFile.makeFolder(folder, mode: 0o700) }
            // Whoever can connect says who asks: nobody but root may.
            umask(0o177)
            try await serve()
        } catch let error as ExitCode { throw error } catch { throw Failure("\(error)") }
    }

    private func serve() async throws {
        let logger = Logger(label: "kc.compute.metadata")
        let joined = try StateFolder(path: hostStateDirectory).membership()
        guard let host = host ?? joined?.membership.host.description else {
            throw Failure(
                "this machine is not a host yet: join it with `kcd join URL TOKEN`, or name it with --host when the API "
                    + "runs on this machine")
        }
        let client = try HostUpstream.client(api: api, joined: joined)
        let server = MetadataServer(
            socket: socket, directory: APIGuestDirectory(client, host: host), logger: logger)
        var quiet = logger
        quiet.logLevel = max(.warning, logger.logLevel)
        let group = ServiceGroup(services: [server], gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet)
        logger.notice("metadata is told", metadata: ["pid": "\(getpid())", "host": "\(host)", "socket": "\(socket)"])
        do { try await group.run() } catch {
            await client.shutdown()
            throw error
        }
        await client.shutdown()
    }
}
