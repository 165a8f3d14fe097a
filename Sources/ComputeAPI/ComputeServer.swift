package import ComputePorts
package import ComputeService
package import HTTPServing
package import Logging
import Resources
package import ServiceLifecycle

/// Layer 6. The compute API: routes over the compute service and the store of images, and who may call them. Knows no
/// store of records, no network and no kind's rules. It hears KC's own programs alone: users come through `kcd api`.
package struct ComputeServer: Sendable {
    package let operations: [(method: String, path: String, operation: String)]
    private let server: HTTPServer<ComputeDesk>
    private let service: ComputeService
    private let intake: ImageIntake
    private let fetching: ImageFetching

    /// What the ways of others in the service need of the header: a principal with thousands of projects.
    package static let maximumHeader = 1 << 20

    package init(
        service: ComputeService, projects: any ProjectDirectory, ports: any PortDirectory, guests: any GuestLookup,
        images: any ImageStore,
        origin: any ImageOrigin, settings: ServerSettings, logger: Logger
    ) {
        var settings = settings
        settings.maximumHeader = Self.maximumHeader
        // Whoever asks was held to a pace by who handed it on.
        settings.requestsPerSecond = 0
        self.service = service
        let intake = ImageIntake(service: service, images: images, logger: logger)
        self.intake = intake
        fetching = ImageFetching(
            service: service, intake: intake, origin: origin, logger: logger, settings: ImageFetching.Settings())
        server = HTTPServer(
            ComputeDesk(service: service, projects: projects),
            words: .init(
                title: "KC compute",
                description: "Machine types, images, VMs and compute hosts. Errors are RFC 9457 problem documents.",
                credentials: "As at the network's API, through which this one is reached."),
            schemas: ComputeSchemas.all, settings: settings, logger: logger, count: { $0.add(service) },
            routes: { pages in
                ComputeSystemRoutes(service: service, pages: pages).routes
                    + HostRoutes(service: service, ports: ports, images: images).routes
                    + HostConsoleRoutes(service: service).routes
                    + GuestRoutes(guests: guests).routes
                    + MachineRoutes(service: service).routes
                    + ConsoleRoutes(service: service).routes
                    + ImageRoutes(service: service, images: images, imports: intake).routes
                    + ComputeKind.allCases.flatMap { ComputeRoutes(kind: $0, service: service).routes }
            })
        operations = server.operations
    }

    /// What must run: the cache, the scheduler, what looks after images, the server, and last (so that it stops first) what
    /// ends open streams.
    package func services() throws -> [any Service] {
        let (service, intake, fetching) = (service, intake, fetching)
        let running = [
            Running { await service.cache.run() }, Running { await service.keepPlacing() },
            Running { await service.keepWatch() },
            Running { await intake.keep() }, Running { await fetching.keep() },
        ]
        return running + (try server.services()) + [Ender(service: service)]
    }
}

/// Runs until the server stops.
private struct Running: Service {
    let body: @Sendable () async -> Void
    init(_ body: @escaping @Sendable () async -> Void) { self.body = body }
    func run() async {
        await cancelWhenGracefulShutdown { await body() }
        // What reads the cache's streams may end with them, before its own turn to stop has come.
        try? await gracefulShutdown()
    }
}

private struct Ender: Service {
    let service: ComputeService
    func run() async throws {
        // Ends by graceful shutdown; a cancellation ends the streams as well.
        try? await gracefulShutdown()
        service.cache.endAllStreams()
    }
}

extension MetricsPage {
    /// What the compute service counts.
    mutating func add(_ service: ComputeService) {
        family("kc_compute_cache_revision", "gauge", "The revision of the compute store that reads show.")
        sample("kc_compute_cache_revision", [], Double(service.cache.revision.value))
        family("kc_compute_vms_placed", "gauge", "VMs that have a place.")
        sample("kc_compute_vms_placed", [], Double(service.cache.placed().machines.count))
    }
}
