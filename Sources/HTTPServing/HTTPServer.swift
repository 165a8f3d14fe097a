import Glibc
import Hummingbird
import HummingbirdCore
package import Logging
import NIOCore
import NIOPosix
import Resources
package import ServiceLifecycle
import Synchronization

/// Layer 6. One table of routes, served on Unix sockets and TCP: connections and their limits, who asks, rates, bodies,
/// problem documents, streams, measurements, and the OpenAPI document that the same table makes. Knows no service, no kind
/// and no rule: a service says by `ServedService` who may do what, and its routes do it.
package struct HTTPServer<Service: ServedService>: Sendable {
    /// Method, path and operation of every route, in order: what is described, and what tests walk through.
    package let operations: [(method: String, path: String, operation: String)]
    private let responder: Responder<Service>
    private let connections: ConnectionBooks
    private let closed: ClosedListeners
    private let settings: ServerSettings
    private let logger: Logger

    /// A connection on which nothing is asked or still being sent for so long is closed.
    private static var idleTimeout: TimeAmount { .seconds(75) }

    /// - Parameters: `words` and `schemas` are for the OpenAPI document; `count` adds what the service measures; `routes`
    ///   makes the routes and is called twice, since those that show the whole server need the table that holds them.
    package init(
        _ service: Service, words: OpenAPIDocument<Service>.Words, schemas: [(name: String, schema: Schema)],
        settings: ServerSettings, logger: Logger, count: @escaping @Sendable (inout MetricsPage) -> Void,
        routes make: (ServerPages) -> [Route<Service>]
    ) {
        let described = make(ServerPages(metrics: { [] }, document: { [] }, isOpen: { false }))
        let closed = ClosedListeners(settings.listeners.count)
        let connections = ConnectionBooks(settings.connections)
        let held = HeldMemory(settings.held)
        let metrics = Metrics(
            routes: described.map { ($0.method.rawValue, $0.path) }, connections: connections, held: held)
        let routes = make(
            ServerPages(
                metrics: { metrics.text(count) },
                document: { OpenAPIDocument(words, routes: described, schemas: schemas, of: service).json },
                isOpen: { closed.isNone }))
        operations = routes.map { ($0.method.rawValue, $0.path, $0.operation) }
        responder = Responder(
            table: RouteTable(routes.map { ($0.method, $0.path) }), routes: routes, service: service,
            annexes: settings.annexes, metrics: metrics, held: held,
            rates: RequestRates(perSecond: settings.requestsPerSecond),
            strangers: StrangerRates(perSecond: settings.refusalsPerSecond), patience: settings.patience,
            logger: logger)
        self.connections = connections
        self.closed = closed
        self.settings = settings
        self.logger = logger
    }

    /// What must run to serve: what reads certificates again, and a server for each listener.
    package func services() throws -> [any ServiceLifecycle.Service] {
        var services: [any ServiceLifecycle.Service] = []
        var certificates: [ServedCertificate] = []
        for case let certificate? in settings.listeners.map(\.tls)
        where !certificates.contains(where: { $0 === certificate }) {
            certificates.append(certificate)
        }
        services += certificates
        for listener in settings.listeners { services.append(try server(listener)) }
        return services
    }

    private func server(_ listener: Listener) throws -> any ServiceLifecycle.Service {
        try listener.prepare()
        let (patience, opened, closed, logger) = (settings.patience, settings.opened, closed, logger)
        let configuration = HTTP1Channel.Configuration(
            additionalChannelHandlers: [RequestGuard(patience: patience, logger: logger)],
            idleTimeout: Self.idleTimeout,
            httpDecoderConfiguration: .init(
                maxHeaderFieldSize: settings.maximumHeader, maxHeaderListSize: 2 * settings.maximumHeader,
                maxHeaderFieldCount: 100))
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
        let server = channel.server(
            configuration: ServerConfiguration(
                address: address, backlog: 1024,
                // Beyond the limit one is told so, if it is not one of very many; those wait to be accepted.
                availableConnectionsDelegate: MaximumAvailableConnections(
                    settings.connections.all + 2 * ConnectionCounts.maximumExplaining)),
            onServerRunning: { _ in
                listener.opened(logger)
                closed.oneOpened()
                opened()
            },
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: logger)
        return NamedServer(listener: listener, base: server)
    }
}

/// What a route can show of the server that it is served by.
package struct ServerPages: Sendable {
    /// Prometheus' text.
    package let metrics: @Sendable () -> [UInt8]
    /// The OpenAPI document.
    package let document: @Sendable () -> [UInt8]
    /// Whether all listeners are open: who finds the server ready on one of them may come on any.
    package let isOpen: @Sendable () -> Bool
}

/// How many listeners are not open yet.
private final class ClosedListeners: Sendable {
    private let count: Atomic<Int>

    init(_ count: Int) { self.count = Atomic(count) }

    func oneOpened() { count.subtract(1, ordering: .relaxed) }
    var isNone: Bool { count.load(ordering: .relaxed) <= 0 }
}
