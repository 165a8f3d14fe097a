import APIClient
import ArgumentParser
import CephImages
import ComputeModel
import ComputeNode
import ComputePlanning
import ComputePorts
import FileDisks
import FileImages
import Glibc
import HostState
import ImageConversion
import LibvirtHypervisor
import Logging
import NetworkNode
import Resources
import ServiceLifecycle
import SystemService
import UnixSignals

struct NodeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "node", abstract: "Run VMs on this machine as the API says.",
        discussion: """
            A machine that has joined (`kcd join`) needs no options: VMs are ordered with the credential that it has. Beside \
            an API server on the same machine, `kc-compute node --host NAME` uses its Unix socket. When the agent ends, \
            VMs go on as they are.
            """)

    @Option(help: "The API's address: unix:PATH, https://HOST:PORT, or http:// on loopback.") var api: String?
    @Option(help: "The name or id of the compute host, where the machine has not joined.") var host: String?
    @Option(name: .customLong("state-dir"), help: "Where images, disks and what is ordered are kept.")
    var stateDirectory = "/var/lib/kc-compute"
    @Option(name: .customLong("host-state-dir"), help: "Where `kcd join` left this machine's membership.")
    var hostStateDirectory = "/var/lib/kc/node"
    @Option(help: "libvirt's address of its QEMU driver.") var libvirt = "qemu:///system"
    @Option(help: "auto: KVM if a probe shows that it works, else emulation; never: emulation.") var kvm = KVM.auto
    @OptionGroup var ceph: CephOptions
    @Option(help: ArgumentHelp("libvirt's secret with the key of the Ceph user.", valueName: "uuid"))
    var cephSecret: String?
    @Option(help: ArgumentHelp("This host's share of the cluster; without it, all of it.", valueName: "GiB"))
    var cephShare: UInt64?
    @Option(name: .customLong("log-level"), help: "trace, debug, info, notice, warning or error.") var logLevel = "info"

    enum KVM: String, ExpressibleByArgument, CaseIterable { case auto, never }

    func validate() throws {
        guard Logger.Level(rawValue: logLevel) != nil else {
            throw ValidationError("--log-level '\(logLevel)' must be one of trace, debug, info, notice, warning, error")
        }
        guard cephSecret.map({ ResourceID($0) != nil }) ?? true else {
            throw ValidationError("--ceph-secret must be the uuid of a secret, as 'virsh secret-list' shows it")
        }
        guard HostPaths(root: stateDirectory) != nil else {
            throw ValidationError("--state-dir '\(stateDirectory)' must be an absolute path without . and ..")
        }
    }

    mutating func run() async throws {
        APIClient.shareOneThread()
        LineLog.begin(level: Logger.Level(rawValue: logLevel) ?? .info)
        guard geteuid() == 0, let paths = HostPaths(root: stateDirectory) else {
            throw Failure("kc-compute node makes disks and domains and needs root; run it with sudo")
        }
        signal(SIGPIPE, SIG_IGN)
        do {
            for folder in [stateDirectory, paths.images] { try AtomicFile.makeFolder(folder, mode: 0o711) }
            let lock = try InstanceLock(path: stateDirectory + "/node.lock")
            try await runAgent(paths)
            // Held until here: a second agent waits for the end of this one.
            _ = consume lock
        } catch let error as ExitCode { throw error } catch { throw Failure("\(error)") }
    }

    private func runAgent(_ paths: HostPaths) async throws {
        let logger = Logger(label: "kc.compute.node")
        let acceleration = kvm == .never ? "--kvm never" : KVMResult.known(in: stateDirectory)
        if let acceleration { logger.notice("guests run by emulation", metadata: ["reason": "\(acceleration)"]) }
        let facts = ComputeAgent.Facts(architecture: try Self.architecture(), hasKVM: acceleration == nil)
        let joined = try StateFolder(path: hostStateDirectory).membership()
        guard let host = host ?? joined?.membership.host.description else {
            throw Failure(
                "this machine is not a host yet: join it with `kcd join URL TOKEN`, or name the compute host with --host "
                    + "when the API runs on this machine")
        }
        let (ports, place) = try ports(paths, host)
        // Last of what may fail: its connections must be closed by whoever has made them.
        let client = try HostUpstream.client(api: api, joined: joined)
        let manager = ServiceManager()
        let agent = ComputeAgent(
            ports: ports, upstream: APIComputeUpstream(client, host: host),
            planner: ComputePlanner(paths: paths, disks: place), facts: facts,
            statePath: stateDirectory + "/orders.json", logger: logger,
            turned: {
                manager?.alive()
                // With a hypervisor that is away as well: the agent waits for it, and says so to the server.
                manager?.ready()
            })
        var quiet = logger
        quiet.logLevel = max(.warning, logger.logLevel)
        let group = ServiceGroup(services: [agent], gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet)
        logger.notice("the compute agent starts", metadata: ["pid": "\(getpid())", "host": "\(host)"])
        do { try await group.run() } catch {
            await client.shutdown()
            throw error
        }
        manager?.stopping()
        await client.shutdown()
    }

    /// Images and disks as files, or in Ceph.
    private func ports(_ paths: HostPaths, _ host: String) throws -> (ComputeHostPorts, DiskPlace) {
        let (hypervisor, files) = (LibvirtHypervisor(uri: libvirt), try FileDisks(paths))
        guard let cluster = ceph.cluster(),
            let place = try ceph.place(host: host, secret: cephSecret.flatMap { ResourceID($0) })
        else {
            // What the machine's disk holds is the bound: the orders say which images come.
            let images = try FileImages(path: paths.images, quota: UInt64.max)
            return (ComputeHostPorts(hypervisor: hypervisor, disks: files, images: images), .files)
        }
        let images = CephImages(cluster, quota: UInt64.max)
        let converter = try QEMUConverter(
            folder: paths.convert, largestDisk: Image.Spec.sizes.upperBound)
        let disks = CephDisks(
            cluster, place, seeds: files, images: images, converter: converter, shareGiB: cephShare)
        return (ComputeHostPorts(hypervisor: hypervisor, disks: disks, images: images), .rbd(place))
    }

    private static func architecture() throws -> Architecture {
        #if arch(x86_64)
            .amd64
        #elseif arch(arm64)
            .arm64
        #else
            throw Failure("VMs run on x86_64 and arm64")
        #endif
    }
}

/// An error whose text is all that a person needs.
struct Failure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
