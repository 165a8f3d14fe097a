import APIClient
import ArgumentParser
import HostState
import Logging
import NetworkModel
import NetworkNode
import Resources

/// Where the agent finds its API and its files: options, then the configuration file, then what `kcd join` left, then
/// the defaults.
struct NodeOptions: ParsableArguments {
    @Option(help: "The API's address: unix:PATH, https://HOST:PORT, or http:// on loopback.") var api: String?
    @Option(help: "The API's Unix socket; the same as --api unix:PATH.") var socket: String?
    @Option(help: "The name or id of this host, where the machine has not joined.") var host: String?
    @Option(help: "A JSON file with any of: api, host, stateDirectory, runDirectory, logLevel.") var config: String?
    @Option(name: .customLong("state-dir"), help: "Where the agent keeps its state. (default: /var/lib/kc/node)")
    var stateDirectory: String?
    @Option(name: .customLong("run-dir"), help: "Where it keeps what does not outlive a boot. (default: /run/kc)")
    var runDirectory: String?
    @Option(name: .customLong("log-level"), help: "trace, debug, info, notice, warning or error. (default: info)")
    var logLevel: String?

    func resolve() throws -> NodeSettings {
        if api != nil, socket != nil { throw ValidationError("--api and --socket exclude each other") }
        let file = try config.map(NodeConfiguration.init(path:)) ?? NodeConfiguration()
        let level = logLevel ?? file.logLevel ?? "info"
        guard let level = Logger.Level(rawValue: level) else {
            throw ValidationError(
                "the log level '\(level)' must be one of \(Logger.Level.allCases.map(\.rawValue).joined(separator: ", "))"
            )
        }
        let host: Reference<Host>? = try (self.host ?? file.host).map { text in
            guard let reference = Reference<Host>(text) else {
                throw ValidationError("the host '\(text)' must be the name or the id of a host")
            }
            return reference
        }
        let api = try (self.api ?? socket.map { "unix:\($0)" } ?? file.api).map { try Endpoint(parsing: $0) }
        let state = try absolute(stateDirectory ?? file.stateDirectory ?? "/var/lib/kc/node", "--state-dir")
        let run = try absolute(runDirectory ?? file.runDirectory ?? "/run/kc", "--run-dir")
        return NodeSettings(
            api: api, host: host, state: StateFolder(path: state), runDirectory: run, logLevel: level)
    }

    private func absolute(_ path: String, _ name: String) throws -> String {
        guard path.hasPrefix("/"), !path.utf8.contains(0) else {
            throw ValidationError("\(name) '\(path)' must be an absolute path")
        }
        return path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    }
}

/// The agent's configuration file. Unknown members are refused.
struct NodeConfiguration {
    var api: String?
    var host: String?
    var stateDirectory: String?
    var runDirectory: String?
    var logLevel: String?

    init() {}

    init(path: String) throws {
        guard let bytes = try AtomicFile.read(path, limit: 1 << 20) else {
            throw ValidationError("the configuration file \(path) does not exist")
        }
        do {
            var reader = try FieldReader(JSONParser.parse(bytes), path: "")
            api = try reader.optional("api")
            host = try reader.optional("host")
            stateDirectory = try reader.optional("stateDirectory")
            runDirectory = try reader.optional("runDirectory")
            logLevel = try reader.optional("logLevel")
            try reader.finish()
        } catch { throw ValidationError("the configuration file \(path): \(error)") }
    }
}

struct NodeSettings {
    var api: Endpoint?
    var host: Reference<Host>?
    var state: StateFolder
    var runDirectory: String
    var logLevel: Logger.Level

    struct Upstream {
        var client: APIClient
        var plane: APIControlPlane
        var host: Reference<Host>
        /// nil where nothing is encrypted.
        var certification: HostCertification?
    }

    /// The API to follow, with the certificate and the credential that `kcd join` left, or as root through the Unix socket.
    func upstream() throws -> Upstream {
        let joined = try state.membership()
        let endpoint = try api ?? joined.map { try Endpoint(parsing: $0.membership.url) } ?? .standard
        guard let host = self.host ?? joined.map({ Reference<Host>.id($0.membership.host) }) else {
            throw Failure(
                "this machine is not a host yet: join it with `kcd join URL TOKEN`, or name the host with --host "
                    + "when the API runs on this machine")
        }
        if case .socket = endpoint.transport {
            // The kernel tells the server that root calls.
            let client = try APIClient(endpoint: endpoint)
            return Upstream(client: client, plane: APIControlPlane(client, host: host), host: host)
        }
        guard let joined else {
            throw Failure(
                "\(endpoint) wants a credential, and this machine has none; join it with `kcd join URL TOKEN`")
        }
        let client = try APIClient(
            endpoint: endpoint, token: joined.credential, certificate: joined.membership.certificate,
            identity: try identity())
        var upstream = Upstream(client: client, plane: APIControlPlane(client, host: host), host: host)
        if case .encrypted = endpoint.transport {
            upstream.certification = HostCertification(client: client, host: joined.membership.host, folder: state)
        }
        return upstream
    }

    /// One that cannot be used is as good as none: the credential gets another one.
    private func identity() throws -> ClientIdentity? {
        guard let pem = try state.identity() else { return nil }
        do { return try ClientIdentity(pem: pem) } catch {
            Logger(label: "kc.node").warning(
                "the host's certificate cannot be used and is made anew", metadata: ["reason": "\(error)"])
            return nil
        }
    }
}
