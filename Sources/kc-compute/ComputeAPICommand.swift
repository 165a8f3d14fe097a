import APIClient
import ArgumentParser
import CephImages
import ComputeAPI
import ComputeNetwork
import ComputePorts
import ComputeService
import FileImages
import FoundationEssentials
import HTTPServing
import ImageDownload
import Logging
import Persistence
import Placement
import ServiceLifecycle
import StoreChoice
import SystemService
import UnixSignals

/// `kc-compute api`: opens the store, and serves machine types, images, VMs and compute hosts to `kcd api`.
struct ComputeAPICommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "api",
        abstract: "Serve machine types, images, VMs and compute hosts, through 'kcd api'.",
        discussion: """
            It listens on a Unix socket alone, and hears root and its own user alone: 'kcd api' hands on what is asked \
            below /compute, and says who asks. Users have one address, that of 'kcd api'.

            Of the network it is a client: as root through the socket of 'kcd api', or with a token of a role that may read \
            hosts and write attachments in all projects (consumer).

            Any number of servers, on machines of their own beside a 'kcd api' each, serve one store in etcd; the bytes of \
            images are then in a directory that all of them share (NFS 4, CephFS): --image-dir.
            """)

    @Option(help: "Where the store is, unless it is in etcd, and the images.")
    var stateDir = "/var/lib/kc/compute"

    @OptionGroup(title: "Store")
    var stored: StoreOptions

    @Option(help: "Where the bytes of images are. (default: images in the state directory)")
    var imageDir: String?

    @Option(help: "The Unix socket to serve; 'kcd api --compute-socket' names the same.")
    var socket = "/run/kc/compute.sock"

    @Option(help: "The network's API: unix:/run/kc/api.sock or https://HOST:8440.")
    var api = "unix:/run/kc/api.sock"

    @Option(help: "A file with the token for it; root at the Unix socket needs none.")
    var tokenFile: String?

    @Option(help: "A file with the certificate of the API's authority, in PEM.")
    var certificateFile: String?

    @Option(help: ArgumentHelp("How much all images together may have, in GiB.", valueName: "GiB"))
    var imageQuota: UInt64 = 100

    @OptionGroup var ceph: CephOptions
    @OptionGroup var sources: SourceOptions

    @Option(help: "pack puts VMs onto as few hosts as will do, spread as evenly as can be.")
    var placement = "pack"

    @Option(help: "trace, debug, info, notice, warning or error. Successful reads are logged at debug.")
    var logLevel = "info"

    func validate() throws {
        guard Logger.Level(rawValue: logLevel) != nil else {
            throw ValidationError("--log-level must be trace, debug, info, notice, warning or error, not '\(logLevel)'")
        }
        guard strategy != nil else {
            throw ValidationError("--placement must be pack or spread, not '\(placement)'")
        }
        guard (1...1_000_000).contains(imageQuota) else {
            throw ValidationError("--image-quota must be from 1 to 1000000, not \(imageQuota)")
        }
        guard stored.store == .sqlite || imageDir != nil else {
            throw ValidationError(
                "--store etcd needs --image-dir: a directory that all servers of the store share, for the bytes of images"
            )
        }
        do { _ = try Endpoint(parsing: api) } catch { throw ValidationError("--api: \(error)") }
    }

    func run() async throws {
        LineLog.begin(level: Logger.Level(rawValue: logLevel) ?? .info)
        let logger = Logger(label: "kc-compute.api")
        let imageDirectory = imageDir ?? stateDir + "/images"
        for folder in [stateDir, imageDirectory] {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        }
        // First: who has the store has the images too.
        let opened = try await stored.open(file: stateDir + "/store.sqlite", prefix: "/kc-compute", logger)
        do {
            let images = try await images(imageDirectory, opened.store)
            let client = try APIClient(
                endpoint: try Endpoint(parsing: api), token: try tokenFile.map(firstLine),
                certificate: try certificateFile.map { try String(contentsOfFile: $0, encoding: .utf8) })
            do { try await serve(opened.store, images, client, logger) } catch {
                await client.shutdown()
                throw error
            }
            await client.shutdown()
        } catch {
            await opened.close()
            throw error
        }
        await opened.close()
    }

    /// In a directory, or in Ceph, where any number of servers have the same.
    private func images(_ directory: String, _ store: any Store) async throws -> any ImageStore {
        if let cluster = ceph.cluster() { return CephImages(cluster, quota: imageQuota << 30) }
        if stored.store == .etcd {
            try await SharedImages.agree(on: try ImagePlace.identity(of: directory), in: store)
        }
        return try FileImages(path: directory, quota: imageQuota << 30)
    }

    private var strategy: PlacementPolicy.Strategy? {
        switch placement {
        case "pack": .pack
        case "spread": .spread
        default: nil
        }
    }

    private func firstLine(of path: String) throws -> String {
        let text = try String(contentsOfFile: path, encoding: .utf8)
        return String(text.split(whereSeparator: \.isNewline).first ?? "")
    }

    private func serve(
        _ store: any Store, _ images: any ImageStore, _ client: APIClient, _ logger: Logger
    ) async throws {
        let network = NetworkClient(client)
        let service = ComputeService(
            store: store, directory: network, policy: PlacementPolicy(strategy ?? .pack),
            logger: logger)
        let ports = PortKeeper(service: service, network: network, logger: logger)
        var settings = ServerSettings(listeners: [try Listener(unix: socket)])
        let presence = ServiceManager().map { manager in
            Presence(manager, listeners: 1) {
                // A store that refuses has answered: it is for people to mend, and a restart would mend nothing.
                do { try await service.await(.consistent) } catch { return false }
                return true
            }
        }
        if let presence { settings.opened = { presence.opened() } }
        let server = ComputeServer(
            service: service, projects: network, ports: ports,
            guests: GuestFinder(service: service, ports: ports, network: network), images: images,
            origin: try sources.origin(), settings: settings, logger: logger)
        let services = try server.services() + [Keeping(ports: ports)] + (presence.map { [$0] } ?? [])
        let group = ServiceGroup(
            configuration: .init(
                services: services.map { .init(service: $0, serviceName: "\(type(of: $0))") },
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        try await group.run()
    }

    /// Looks after the ports of VMs while the server runs.
    private struct Keeping: Service {
        let ports: PortKeeper
        func run() async {
            await cancelWhenGracefulShutdown { await ports.run() }
            // It may end with the cache's streams, before its own turn to stop has come.
            try? await gracefulShutdown()
        }
    }
}
