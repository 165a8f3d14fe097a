import Addressing
import Authenticators
import Foundation
import HTTPAPI
import HTTPServing
import Logging
import NetworkService
import Persistence
import Resources
import SQLiteStore
import ServiceLifecycle
import Synchronization
import Testing
import Waiting

/// The API in this process, on a real Unix socket and a real TCP port, over a store of its own.
struct LiveServer: Sendable {
    let folder: String
    let api: APIServer
    let service: NetworkService
    let port: Int
    let token: String
    /// Where it speaks TLS, and its certificate in PEM.
    let encrypted: (url: String, certificate: String)
    /// The address of loopback that it serves.
    let host: String

    var curl: Curl { Curl(socket: folder + "/api.sock") }
    var overTCP: Curl { Curl(base: "http://\(host):\(port)", headers: ["Authorization: Bearer \(token)"]) }
    var anonymous: Curl { Curl(base: "http://\(host):\(port)") }

    static func with(
        storeOptions: SQLiteStoreOptions = SQLiteStoreOptions(), patience: Duration = .seconds(30),
        requestsPerSecond: Int = 1000, refusalsPerSecond: Int = 100, connections: ConnectionLimits = ConnectionLimits(),
        held: HeldMemory.Limits = HeldMemory.Limits(), annexes: [any Annex] = [], host: String = "[::1]",
        olderCertificate: Bool = false,
        hostCertificates seconds: Double = HostCertificates.standardLifetime,
        log: (any LogHandler)? = nil,
        checker: (OwnProofs, String) throws -> any Checker = { own, _ in own },
        _ body: (LiveServer) async throws -> Void
    ) async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/kc-api-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer {
            // What cannot be removed now is in the system's folder for such things.
            try? FileManager.default.removeItem(atPath: folder)
        }
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        if let log { logger = Logger(label: "test", factory: { _ in log }) }
        let store = try await SQLiteStore.open(at: folder + "/store.db", options: storeOptions, logger: logger)
        let service = NetworkService(store: store, logger: logger)
        try await service.prepareFirstStart(underlayMTU: MTU(1500))
        try await AdministratorToken.prepare(file: folder + "/admin.token", store: store)
        let token = try String(contentsOfFile: folder + "/admin.token", encoding: .utf8)
            .trimmingCharacters(in: .whitespacesAndNewlines)
        let port = FreePorts.two()
        let loopback = try ListenAddress(subject: "::1")
        let authority = try AuthorityFiles(directory: folder + "/tls")
        // A server that was made before there was an authority goes on with its certificate.
        let certificate = try ServerCertificate(
            directory: folder + "/tls", names: [], addresses: [loopback.addressBytes ?? []],
            authority: olderCertificate ? nil : authority)
        let files = Listener.TLSFiles(certificate: certificate.certificatePath, key: certificate.keyPath)
        let served = try ServedCertificate(files, logger: logger)
        var settings = ServerSettings(listeners: [
            try Listener(unix: folder + "/api.sock"), try Listener(ListenAddress("\(host):\(port)"), tls: nil),
            try Listener(ListenAddress("https://\(host):\(port + 1)"), tls: served),
        ])
        let closed = Atomic(settings.listeners.count)
        settings.opened = { closed.subtract(1, ordering: .relaxed) }
        settings.patience = patience
        settings.requestsPerSecond = requestsPerSecond
        settings.refusalsPerSecond = refusalsPerSecond
        settings.connections = connections
        settings.held = held
        settings.annexes = annexes
        let known = KnownTokens(store: store)
        let tokens = TokenAuthenticator(store: store, known: known) {
            authority.pin(ofChain: served.chain).map { ServerCertificate.fingerprint(of: $0) }
        }
        let hosts = HostCertificates(files: authority, store: store, known: known, lifetime: seconds) { served.chain }
        let server = APIServer(
            service: service, authenticator: tokens,
            checker: try checker(OwnProofs(tokens: tokens, hosts: hosts), folder),
            settings: settings, certifier: hosts, logger: logger)
        let group = ServiceGroup(configuration: .init(services: try server.services(), logger: logger))
        let pem = try String(contentsOfFile: certificate.certificatePath, encoding: .utf8)
        let live = LiveServer(
            folder: folder, api: server, service: service, port: port, token: token,
            encrypted: ("https://\(host):\(port + 1)", pem), host: host)
        do {
            let failure = Failure()
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask {
                    do { try await group.run() } catch {
                        failure.set(error)
                        throw error
                    }
                }
                // A disk that has much to write lets a new store wait for seconds; a server that cannot listen says so.
                try await eventually("the server is ready", within: .seconds(60)) {
                    try failure.rethrow()
                    guard closed.load(ordering: .relaxed) == 0 else { return false }
                    return try await live.curl("GET", "/readyz").status == 200
                }
                try await body(live)
                await group.triggerGracefulShutdown()
                try await tasks.waitForAll()
            }
        } catch {
            await store.close()
            throw error
        }
        await store.close()
    }

    /// Why the server ended by itself.
    private final class Failure: Sendable {
        private let error = Mutex<(any Error)?>(nil)

        func set(_ error: any Error) { self.error.withLock { $0 = error } }
        func rethrow() throws { if let error = error.withLock({ $0 }) { throw error } }
    }

    /// What the server counts, by a name that has no labels or with those that it has.
    func metric(_ name: String) async throws -> Double? {
        let lines = try await curl("GET", "/metrics").body.split(separator: "\n")
        return lines.first { $0.hasPrefix(name + " ") }.flatMap { Double($0.dropFirst(name.count + 1)) }
    }

    /// Creates a resource and expects that it is done.
    @discardableResult
    func make(_ path: String, _ body: String, sourceLocation: SourceLocation = #_sourceLocation) async throws -> Reply {
        let reply = try await curl("POST", path, body)
        #expect(reply.status == 201, "\(reply.body)", sourceLocation: sourceLocation)
        return reply
    }
}
