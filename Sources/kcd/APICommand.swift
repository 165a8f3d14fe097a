import Addressing
import ArgumentParser
import Authenticators
import HTTPAPI
import HTTPServing
import Logging
import NetworkService
import Persistence
import ServiceLifecycle
import ServiceProxy
import StoreChoice
import SystemService
import UnixSignals

/// `kcd api`: opens the store, makes what a first start needs, and serves.
struct APICommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "api",
        abstract: "Serve the API over an embedded store or over etcd.",
        discussion: """
            Root may use the Unix socket without a token; everybody else sends the administrator's token, which the first \
            start writes to <state-dir>/admin.token, as 'Authorization: Bearer …'.

            TCP is in clear on loopback and with TLS everywhere else. The first start with a TLS address makes an \
            authority in <state-dir>/tls, and by it a key and a certificate for the addresses and names given; `kcd token \
            create` prints the authority's fingerprint in the join line. Certificate and key are read again when their \
            files change.
            """)

    @Option(help: "Where the store, the TLS files and the administrator's token are.")
    var stateDir = "/var/lib/kc"

    @OptionGroup(title: "Store")
    var stored: StoreOptions

    @Option(help: "The Unix socket to serve.")
    var socket = "/run/kc/api.sock"

    @Option(
        help: ArgumentHelp(
            "An address to serve on TCP, like [::1]:8440; may be repeated. https:// before it asks for TLS on loopback.",
            valueName: "address"))
    var listen: [String] = []

    @Option(
        help: ArgumentHelp("A further host name or address for the certificate; may be repeated.", valueName: "name"))
    var tlsName: [String] = []

    @Option(
        help: ArgumentHelp(
            "A file that says who else is let in: htpasswd, totp, jwt, program, http, certificate (docs/access.md).",
            valueName: "file"))
    var checkers: String?

    @Option(
        help: ArgumentHelp(
            "How many requests a second each user and token may make, with bursts of five times as many; 0 for any.",
            valueName: "number"))
    var requestsPerSecond = 1000

    @Option(
        help: ArgumentHelp(
            "How many requests a second from each network (IPv4 address or /64) may be refused for want of a credential "
                + "before such requests are not looked at, with bursts of five times as many; 0 for any.",
            valueName: "number"))
    var refusalsPerSecond = 100

    @Option(
        help: ArgumentHelp(
            "How many connections there may be at a time, on TCP and as many again on the socket: 64 to 1000000.",
            valueName: "number"))
    var connections = ConnectionLimits().all

    @Option(
        help: ArgumentHelp(
            "How many of them from one IPv4 address or IPv6 /64, or of one user of the socket, a quarter of it before "
                + "anybody was let in on them; loopback and root have no limit but --connections. 0 for any.",
            valueName: "number"))
    var connectionsPerAddress = ConnectionLimits().perNetwork

    @Option(
        help: ArgumentHelp(
            "How long the certificate of a host's agent is valid, in hours: 1 to 8760. Agents renew theirs at half of it.",
            valueName: "hours"))
    var hostCertificateHours = 168

    @Option(
        help: ArgumentHelp(
            "The Unix socket of 'kc-compute api', which serves what is below /compute; empty for none.",
            valueName: "path"))
    var computeSocket = "/run/kc/compute.sock"

    @Option(help: "The MTU of the underlay, for the first start: 1350 to 65535.")
    var underlayMTU = 1500

    @Option(help: "trace, debug, info, notice, warning or error. Successful reads are logged at debug.")
    var logLevel = "info"

    func validate() throws {
        guard Logger.Level(rawValue: logLevel) != nil else {
            throw ValidationError("--log-level must be trace, debug, info, notice, warning or error, not '\(logLevel)'")
        }
        do { _ = try MTU(underlayMTU).insideVXLAN() } catch { throw ValidationError("--underlay-mtu: \(error)") }
        guard (0...1_000_000).contains(requestsPerSecond) else {
            throw ValidationError("--requests-per-second must be from 0 to 1000000, not \(requestsPerSecond)")
        }
        guard (0...1_000_000).contains(refusalsPerSecond) else {
            throw ValidationError("--refusals-per-second must be from 0 to 1000000, not \(refusalsPerSecond)")
        }
        guard (64...1_000_000).contains(connections) else {
            throw ValidationError("--connections must be from 64 to 1000000, not \(connections)")
        }
        guard (0...1_000_000).contains(connectionsPerAddress) else {
            throw ValidationError("--connections-per-address must be from 0 to 1000000, not \(connectionsPerAddress)")
        }
        guard (1...8760).contains(hostCertificateHours) else {
            throw ValidationError("--host-certificate-hours must be from 1 to 8760, not \(hostCertificateHours)")
        }
        for text in listen { try refuseClear(ListenAddress(text)) }
    }

    /// A server that would send tokens in clear does not start.
    private func refuseClear(_ address: ListenAddress) throws {
        guard address.scheme == .clear, !address.isLoopback else { return }
        throw ValidationError(
            "--listen http://\(address): KC serves in clear on loopback only; leave http:// away for TLS")
    }

    func run() async throws {
        LineLog.begin(level: Logger.Level(rawValue: logLevel) ?? .info)
        let logger = Logger(label: "kcd.api")
        let directories = try StateDirectories(state: stateDir, socket: socket)
        let opened = try await stored.open(file: directories.store, prefix: "/kc", logger)
        do {
            // With names, or one is made of each by looking through all that it holds.
            let services = try await prepare(opened.store, directories, logger).map {
                ServiceGroupConfiguration.ServiceConfiguration(service: $0, serviceName: "\(type(of: $0))")
            }
            let group = ServiceGroup(
                configuration: .init(
                    services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
            try await group.run()
        } catch {
            await opened.close()
            throw error
        }
        await opened.close()
    }

    private func prepare(_ store: any Store, _ directories: StateDirectories, _ logger: Logger) async throws
        -> [any Service]
    {
        let service = NetworkService(store: store, logger: logger)
        try await service.prepareFirstStart(underlayMTU: try MTU(underlayMTU))
        if try await AdministratorToken.prepare(file: directories.administratorToken, store: store) {
            logger.notice("wrote the administrator's token", metadata: ["file": "\(directories.administratorToken)"])
        }
        let addresses = try listen.map { try ListenAddress($0) }
        let trust = try ServedTrust(addresses, names: tlsName, directory: directories.tls, logger)
        var listeners = [try Listener(unix: socket)]
        for address in addresses {
            listeners.append(try Listener(address, tls: address.wantsTLS ? trust?.served : nil))
        }
        let known = KnownTokens(store: store)
        let tokens = TokenAuthenticator(store: store, known: known) { trust?.fingerprint }
        let hosts = trust.map { trust in
            HostCertificates(
                files: trust.authority, store: store, known: known, lifetime: Double(hostCertificateHours) * 3600
            ) { trust.served.chain }
        }
        var settings = ServerSettings(listeners: listeners)
        settings.requestsPerSecond = requestsPerSecond
        settings.refusalsPerSecond = refusalsPerSecond
        settings.connections = ConnectionLimits(all: connections, perNetwork: connectionsPerAddress)
        let compute =
            computeSocket.isEmpty
            ? nil : SocketProxy(prefix: "/compute", socket: computeSocket, name: "kc-compute api")
        settings.annexes = compute.map { [$0] } ?? []
        OpenFiles.allow(2 * connections + 2048)
        let presence = Presence.of(service, listeners: listeners.count)
        if let presence { settings.opened = { presence.opened() } }
        let server = APIServer(
            service: service, authenticator: tokens,
            checker: try checker(OwnProofs(tokens: tokens, hosts: hosts), logger),
            settings: settings, certifier: hosts, logger: logger)
        let optional: [(any Service)?] = [trust, presence, compute]
        return try server.services() + [Following(known: known)] + optional.compactMap(\.self)
    }

    /// Keeps the known tokens true while the server runs.
    private struct Following: Service {
        let known: KnownTokens
        func run() async { await cancelWhenGracefulShutdown { await known.run() } }
    }
}
