import HTTPServing
import HTTPTypes
import Hummingbird
import NetworkService
import Persistence
import Resources

/// The routes that tell about the server itself.
struct SystemRoutes: Sendable {
    let service: NetworkService
    let pages: ServerPages

    var routes: [Route] { [health, readiness, metricsPage, openAPI, whoami] }

    private var health: Route {
        Route(
            method: .get, path: "/healthz", operation: "health", summary: "Says that the server runs.", access: .anyone,
            answer: .named("Health")
        ) { _ throws(Problem) in .json(Array(#"{"status":"ok"}"#.utf8)) }
    }

    private var readiness: Route {
        Route(
            method: .get, path: "/readyz", operation: "readiness",
            summary:
                "Says whether the server can serve: it listens everywhere, its cache follows the store, which answers.",
            access: .anyone, answer: .named("Health")
        ) { _ throws(Problem) in
            guard pages.isOpen() else { throw Problem(.unavailable, "not all of the server's addresses are open yet") }
            guard service.cache.isSynced else { throw Problem(.unavailable, "the cache does not follow the store yet") }
            do { _ = try await service.store.currentRevision() } catch { throw Problem(reading: error) }
            return .json(Array(#"{"status":"ok"}"#.utf8))
        }
    }

    private var metricsPage: Route {
        Route(
            method: .get, path: "/metrics", operation: "metrics", summary: "Measurements in Prometheus' text format.",
            access: .cluster(.read), mediaType: "text/plain; version=0.0.4"
        ) { _ throws(Problem) in .text(pages.metrics()) }
    }

    private var openAPI: Route {
        Route(
            method: .get, path: "/openapi.json", operation: "openAPI", summary: "This description.",
            access: .authenticated, answer: Schema(#"{"type":"object"}"#)
        ) { _ throws(Problem) in .json(pages.document()) }
    }

    private var whoami: Route {
        Route(
            method: .get, path: "/v1/whoami", operation: "whoAmI", summary: "Says who the server takes the caller for.",
            access: .authenticated, answer: .named("Identity")
        ) { request throws(Problem) in
            var writer = JSONWriter()
            writer.object { writer in
                switch request.principal {
                case .administrator(let via):
                    writer.member("role", "administrator")
                    writer.member("via", via)
                case .identity(let identity): identity.write(to: &writer)
                case .host(let id):
                    writer.member("role", "host")
                    writer.member("host", id)
                    writer.member("name", service.cache.item(.host, id)?.name)
                case .joining:
                    writer.member("role", "joining")
                }
                // By it a client sees how far its own clock is off.
                writer.member("time", Timestamp.now)
            }
            return .json(writer.bytes)
        }
    }
}
