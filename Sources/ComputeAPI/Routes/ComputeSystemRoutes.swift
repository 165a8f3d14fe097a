import ComputeService
import HTTPServing
import HTTPTypes
import Persistence
import Resources

/// The routes that tell about the compute server itself.
struct ComputeSystemRoutes: Sendable {
    let service: ComputeService
    let pages: ServerPages

    var routes: [Route] { [health, metrics, openAPI] }

    private var health: Route {
        Route(
            method: .get, path: "/compute/readyz", operation: "computeReadiness",
            summary: "Says whether the compute server can serve: its cache follows the store, and the store answers.",
            access: .authenticated, answer: .named("Health")
        ) { _ throws(Problem) in
            try await service.await(.consistent)
            return .json(Array(#"{"status":"ok"}"#.utf8))
        }
    }

    private var metrics: Route {
        Route(
            method: .get, path: "/compute/metrics", operation: "computeMetrics",
            summary: "Measurements in Prometheus' text format.", access: .cluster,
            mediaType: "text/plain; version=0.0.4"
        ) { _ throws(Problem) in .text(pages.metrics()) }
    }

    private var openAPI: Route {
        Route(
            method: .get, path: "/compute/openapi.json", operation: "computeOpenAPI", summary: "This description.",
            access: .authenticated, answer: Schema(#"{"type":"object"}"#)
        ) { _ throws(Problem) in .json(pages.document()) }
    }
}
