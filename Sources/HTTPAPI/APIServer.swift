package import HTTPServing
package import Logging
package import NetworkService
package import Persistence
package import ServiceLifecycle

/// Layer 6. The network's HTTP+JSON API: routes over the network service, and who may call them. Knows no store and no kind's
/// rules.
package struct APIServer: Sendable {
    private let server: HTTPServer<NetworkDesk>
    private let service: NetworkService

    /// - Parameter certifier: gives hosts their certificates; nil where nothing is served with TLS.
    package init(
        service: NetworkService, authenticator: any Authenticator, checker: any Checker, settings: ServerSettings,
        certifier: (any HostCertifier)? = nil, logger: Logger
    ) {
        self.service = service
        let listeners = settings.listeners
        let url = listeners.first { !$0.isLocal && $0.url != nil }?.url ?? listeners.compactMap(\.url).first
        server = HTTPServer(
            NetworkDesk(service: service, checker: checker), words: Self.words, schemas: Schemas.all,
            settings: settings, logger: logger, count: { $0.add(service) },
            routes: { Self.routes(service, authenticator, certifier, url, $0) })
    }

    private static let words = OpenAPIDocument<NetworkDesk>.Words(
        title: "KC", description: "The network controller's API. Errors are RFC 9457 problem documents.",
        credentials:
            "A token of the administrator, of a host, or for joining. Root on the Unix socket needs none.")

    private static func routes(
        _ service: NetworkService, _ authenticator: any Authenticator, _ certifier: (any HostCertifier)?,
        _ url: String?, _ pages: ServerPages
    ) -> [Route] {
        SystemRoutes(service: service, pages: pages).routes
            + NodeRoutes(service: service, authenticator: authenticator, url: url).routes
            + [CertificateRoute(service: service, certifier: certifier).route]
            + BatchRoutes(service: service, authenticator: authenticator).routes
            + ProbeRoutes(service: service).routes + CaptureRoutes(service: service).routes
            + GatewayRoutes(service: service).routes
            + TraceRoutes(service: service).routes + PictureRoutes(service: service).routes
            + Kind.allCases.flatMap {
                ResourceRoutes(kind: $0, service: service, authenticator: authenticator).routes
            }
    }

    /// Method, path and operation of every route, in order.
    package var operations: [(method: String, path: String, operation: String)] { server.operations }

    /// What must run for the API: the cache, the server, and last (so that it stops first) what ends open streams.
    package func services() throws -> [any Service] {
        [CacheService(cache: service.cache)] + (try server.services()) + [StreamEnder(cache: service.cache)]
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
