import Glibc
import Hummingbird
import HummingbirdCore
package import Logging
import NIOCore
import NIOPosix
package import NetworkService
package import Persistence
import Resources
package import ServiceLifecycle

/// Layer 6. The HTTP+JSON API: one table of routes over the network service, served on a Unix socket and on TCP, and
/// described by the OpenAPI document that the same table makes. Knows no store and no kind's rules.
package struct APIServer: Sendable {
    package struct Settings: Sendable {
        package var listeners: [Listener]
        package var connections = ConnectionLimits()
        /// Requests a second of each identity, with bursts of five seconds' worth; 0 for no limit.
        package var requestsPerSecond = 1000
        /// Requests a second that are refused for want of a credential, of each network, with bursts of five seconds' worth;
        /// beyond that such requests are not looked at. 0 for no limit.
        package var refusalsPerSecond = 100
        /// How long a client may take to send a request's header, and then its body; and how long the client of a stream
        /// may read nothing of it. Default 30 s.
        package var patience = Duration.seconds(30)
        /// Called for each listener once it is open.
        package var opened: @Sendable () -> Void = {}
        /// Gives hosts their certificates; nil where nothing is served with TLS.
        package var certifier: (any HostCertifier)?

        package init(listeners: [Listener]) { self.listeners = listeners }
    }

    /// Method, path and operation of every route, in order: what is described, and what tests walk through.
    package let operations: [(method: String, path: String, operation: String)]
    private let responder: Responder
    private let connections: ConnectionBooks
    private let settings: Settings
    private let service: NetworkService
    private let logger: Logger

    /// A connection on which nothing is asked or still being sent for so long is closed.
    private static let idleTimeout = TimeAmount.seconds(75)

    package init(
        service: NetworkService, authenticator: any Authenticator, checker: any Checker, settings: Settings,
        logger: Logger
    ) {
        let table = RouteTable(Self.routes(service, authenticator, settings.certifier))
        let connections = ConnectionBooks(settings.connections)
        let metrics = Metrics(routes: table.routes.map { ($0.method.rawValue, $0.path) }, connections: connections)
        // The two routes that show the whole server need the table that holds them: they are made last.
        let system = SystemRoutes(
            service: service, metrics: { metrics.text(service) },
            document: { OpenAPIDocument(routes: table.routes).json })
        let whole = RouteTable(
            table.routes.map { route in system.routes.first { $0.operation == route.operation } ?? route })
        operations = whole.routes.map { ($0.method.rawValue, $0.path, $0.operation) }
        responder = Responder(
            table: whole, service: service, checker: checker, metrics: metrics,
            rates: RequestRates(perSecond: settings.requestsPerSecond),
            strangers: StrangerRates(perSecond: settings.refusalsPerSecond),
            patience: settings.patience, logger: logger)
        self.connections = connections
        self.settings = settings
        self.service = service
        self.logger = logger
    }

    private static func routes(
        _ service: NetworkService, _ authenticator: any Authenticator, _ certifier: (any HostCertifier)?
    ) -> [Route] {
        SystemRoutes(service: service, metrics: { [] }, document: { [] }).routes
            + NodeRoutes(service: service, authenticator: authenticator).routes
            + [CertificateRoute(service: service, certifier: certifier).route]
            + BatchRoutes(service: service, authenticator: authenticator).routes
            + ProbeRoutes(service: service).routes + CaptureRoutes(service: service).routes
            + GatewayRoutes(service: service).routes
            + TraceRoutes(service: service).routes + PictureRoutes(service: service).routes
            + Kind.allCases.flatMap {
                ResourceRoutes(kind: $0, service: service, authenticator: authenticator).routes
            }
    }

    /// What must run for the API: the cache, what reads certificates again, a server for each listener, and last (so that
    /// it stops first) what ends open streams.
    package func services() throws -> [any Service] {
        var services: [any Service] = [CacheService(cache: service.cache)]
        var certificates: [ServedCertificate] = []
        for case let certificate? in settings.listeners.map(\.tls)
        where !certificates.contains(where: { $0 === certificate }) {
            certificates.append(certificate)
        }
        services += certificates
        for listener in settings.listeners { services.append(try server(listener)) }
        services.append(StreamEnder(cache: service.cache))
        return services
    }

    private func server(_ listener: Listener) throws -> any Service {
        try listener.prepare()
        let (patience, opened, logger) = (settings.patience, settings.opened, logger)
        let configuration = HTTP1Channel.Configuration(
            additionalChannelHandlers: [RequestGuard(patience: patience, logger: logger)],
            idleTimeout: Self.idleTimeout,
            httpDecoderConfiguration: .init(
                maxHeaderFieldSize: 16_384, maxHeaderListSize: 32_768, maxHeaderFieldCount: 100))
        let responder = responder
        let respond: HTTPChannelHandler.Responder = { request, writer, channel in
            try await responder.respond(to: request, writer, channel)
        }
        let address: BindAddress
        let channel: any ServerChildChannel
        let base = HTTP1Channel(responder: respond, configuration: configuration)
        switch listener.place {
        case .unix(let path):
            address = .unixDomainSocket(path: path)
            channel = OriginChannel(base: base, isUnix: true, isEncrypted: false, counts: connections.unix)
        case .tcp(let host, let port):
            address = .hostname(host, port: port)
            if let certificate = listener.tls {
                let multiplexed = MultiplexedChannel(
                    stream: StreamChannel(responder: respond, patience: TimeAmount(patience)),
                    patience: TimeAmount(patience), idleTimeout: Self.idleTimeout)
                let negotiated = NegotiatedChannel(
                    single: base, multiplexed: multiplexed, patience: TimeAmount(patience))
                channel = OriginChannel(
                    base: EncryptedChannel(base: negotiated, certificate: certificate), isUnix: false,
                    isEncrypted: true, counts: connections.tcp)
            } else {
                channel = OriginChannel(base: base, isUnix: false, isEncrypted: false, counts: connections.tcp)
            }
        }
        return channel.server(
            configuration: ServerConfiguration(
                address: address, backlog: 1024,
                // Beyond the limit one is told so, if it is not one of very many; those wait to be accepted.
                availableConnectionsDelegate: MaximumAvailableConnections(
                    settings.connections.all + 2 * ConnectionCounts.maximumExplaining)),
            onServerRunning: { _ in
                listener.opened(logger)
                opened()
            },
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: logger)
    }
}

/// Keeps the cache following the store until the server stops.
private struct CacheService: Service {
    let cache: ResourceCache
    func run() async { await cancelWhenGracefulShutdown { await cache.run() } }
}

/// Ends open streams when the server stops: a connection with a stream would never become idle.
private struct StreamEnder: Service {
    let cache: ResourceCache
    func run() async throws {
        // Ends by graceful shutdown; a cancellation ends the streams as well.
        try? await gracefulShutdown()
        cache.endAllStreams()
    }
}
