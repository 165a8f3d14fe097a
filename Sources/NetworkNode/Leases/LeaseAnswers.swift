import Addressing
import Logging
import NetworkModel
import NetworkPlanning
import NodePorts
import Resources
import Synchronization

/// Answers probes about leases, each once, from what the gateway's server says.
final class LeaseAnswers: Sendable {
    private struct State {
        var snapshot: HostSnapshot?
        var answered: Set<ResourceID> = []
    }

    private let state = Mutex(State())
    private let signal = Signal()
    private let daemons: any DaemonSupervisor
    private let sink: any ProbeSink
    private let logger: Logger

    init(_ daemons: any DaemonSupervisor, _ sink: any ProbeSink, logger: Logger) {
        self.daemons = daemons
        self.sink = sink
        self.logger = logger
    }

    /// What the desired state asks of this host.
    func want(_ snapshot: HostSnapshot) {
        let isNew = state.withLock { state in
            state.answered.formIntersection(snapshot.probes.keys)
            let open = snapshot.probes.values.contains { $0.isAboutLeases && !state.answered.contains($0.id) }
            state.snapshot = open ? snapshot : nil
            return open
        }
        if isNew { signal.wake() }
    }

    /// Answers until cancelled.
    func run() async {
        for await _ in signal.wakeups {
            while let (snapshot, probe) = next(), !Task.isCancelled {
                guard case .leases(let gateway) = probe.question else { continue }
                let result = await answer(gateway, snapshot)
                do { try await sink.answer(probe.id, result) } catch {
                    // It has ended, or whoever asked asks again.
                    logger.debug("a probe about leases is not answered", metadata: ["reason": "\(error)"])
                }
            }
        }
    }

    private func next() -> (HostSnapshot, DesiredProbe)? {
        state.withLock { state in
            guard let snapshot = state.snapshot,
                let probe = snapshot.probes.values.filter({ $0.isAboutLeases && !state.answered.contains($0.id) })
                    .min(by: { $0.id < $1.id })
            else { return nil }
            state.answered.insert(probe.id)
            return (snapshot, probe)
        }
    }

    private func answer(_ id: ResourceID, _ snapshot: HostSnapshot) async -> ProbeResult {
        guard let gateway = snapshot.gateways[id] else {
            return ProbeResult(.failed, message: "the gateway is not, or no longer, on this host")
        }
        guard gateway.ports.keys.contains(where: { (snapshot.segments[$0]?.dhcp ?? .none) != .none }) else {
            return ProbeResult(.done, leases: LeaseReport(leases: [], total: 0))
        }
        var leases: [Lease]
        do throws(NodeError) {
            leases = try await daemons.leases(instance: DaemonInstance.keaDHCP6(of: id))
        } catch {
            return ProbeResult(.failed, message: "the DHCPv6 server does not tell its leases: \(error)")
        }
        var holders: [String: ResourceID] = [:]
        for segment in gateway.ports.keys {
            for kept in (snapshot.reservations[segment] ?? [:]).values {
                for address in kept.addresses { holders["\(address)/128"] = kept.attachment }
                if let prefix = kept.delegated { holders["\(prefix)"] = kept.attachment }
            }
        }
        for index in leases.indices { leases[index].attachment = holders["\(leases[index].prefix)"] }
        leases.sort { ($0.prefix.address, $0.prefix.length) < ($1.prefix.address, $1.prefix.length) }
        return ProbeResult(
            .done,
            leases: LeaseReport(leases: Array(leases.prefix(LeaseReport.maximumLeases)), total: leases.count))
    }
}

extension DesiredProbe {
    fileprivate var isAboutLeases: Bool { if case .leases = question { true } else { false } }
}
