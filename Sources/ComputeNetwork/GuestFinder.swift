import APIClient
package import ComputeModel
package import ComputeService
import NetworkModel
package import Resources
import Synchronization

/// Which VM an attachment is, for hosts whose gateway serves its segment: the ports say whose it is, and the network who may
/// know. User data is not for every host.
///
/// Concurrency: any task.
package final class GuestFinder: GuestLookup {
    private struct Memory {
        var servers: ServingGateways
        var until: ContinuousClock.Instant
    }

    private let service: ComputeService
    private let ports: PortKeeper
    private let network: NetworkClient
    private let memories = Mutex<[ResourceID: Memory]>([:])

    /// For so long a host may still be told that has lost its gateway. A thousand guests that boot ask once.
    private static let memory = Duration.seconds(2)
    /// Of projects; beyond it all are forgotten.
    private static let maximumCount = 10_000

    package init(service: ComputeService, ports: PortKeeper, network: NetworkClient) {
        self.service = service
        self.ports = ports
        self.network = network
    }

    package func facts(
        of attachment: ResourceID, for host: Reference<NetworkHost>
    ) async throws(Problem) -> GuestFacts {
        let nobody = Problem(.notFound, "attachment \(attachment) is no guest of this host's gateways")
        guard let vm = try ports.vm(with: attachment), let machine = service.cache.placed(vm),
            let orders = ports.ports(of: vm)
        else { throw nobody }
        let hostID: ResourceID
        if let id = host.id { hostID = id } else { hostID = try await network.host(host) }
        let segment: ResourceID
        let isMade: Bool
        do {
            let document = try await network.attachment(attachment, in: machine.project.id)
            guard let found = document.segment else { throw nobody }
            (segment, isMade) = (found, document.labels[PortLabel.made] == vm.description)
        } catch let problem as APIProblem where problem.status == 404 { throw nobody } catch {
            throw Problem(network: error)
        }
        guard try await servers(of: machine.project.id).isServed(segment, by: hostID) else { throw nobody }
        return GuestFacts(
            project: machine.project.id, guest: machine.guest,
            interfaces: orders.map { .init(attachment: $0.attachment, mac: $0.mac, mtu: $0.mtu) }, isLasting: isMade)
    }

    private func servers(of project: ResourceID) async throws(Problem) -> ServingGateways {
        let now = ContinuousClock.now
        if let known = memories.withLock({ $0[project] }), known.until > now { return known.servers }
        let servers: ServingGateways
        do { servers = try await network.servingGateways(of: project) } catch { throw Problem(network: error) }
        memories.withLock { memories in
            if memories.count >= Self.maximumCount { memories = [:] }
            memories[project] = Memory(servers: servers, until: now + Self.memory)
        }
        return servers
    }
}

/// Which segments of a project have guests that a program on a host serves, and which host that is.
struct ServingGateways: Hashable, Sendable {
    /// Hosts by segment.
    private var hosts: [ResourceID: ResourceID] = [:]

    /// Of managed gateways with a service whose consumer is on the gateway's own host: an operator has said that guests'
    /// connections go to a program there.
    init(gateways: [ResourceDocument], services: [ResourceDocument]) {
        let serving = Set(
            services.compactMap { document in
                document.spec?["consumer"]?.string?.hasPrefix("unix:") == true ? document.spec?["gateway"]?.string : nil
            })
        for gateway in gateways where serving.contains(gateway.id.description) {
            guard gateway.spec?["type"]?.string == GatewayType.managed.rawValue,
                let host = gateway.spec?["host"]?.string.flatMap({ ResourceID($0) }),
                case .array(let segments)? = gateway.spec?["segments"]?.content
            else { continue }
            for segment in segments.compactMap({ $0.string.flatMap { ResourceID($0) } }) { hosts[segment] = host }
        }
    }

    func isServed(_ segment: ResourceID, by host: ResourceID) -> Bool { hosts[segment] == host }
}

extension NetworkClient {
    fileprivate func servingGateways(of project: ResourceID) async throws -> ServingGateways {
        ServingGateways(
            gateways: try await api.list(ResourceCollection(Gateway.kind, project: project.description)),
            services: try await api.list(ResourceCollection(GuestService.kind, project: project.description)))
    }
}
