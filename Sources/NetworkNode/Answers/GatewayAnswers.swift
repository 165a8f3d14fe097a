import Addressing
import Logging
import NetworkModel
import NetworkPlanning
import NodePorts
import Resources
import Synchronization

/// Answers probes about what a gateway's servers and its translator know, each once.
final class GatewayAnswers: Sendable {
    private struct State {
        var snapshot: HostSnapshot?
        var answered: Set<ResourceID> = []
    }

    private let state = Mutex(State())
    private let signal = Signal()
    let ports: HostPorts
    private let sink: any ProbeSink
    private let logger: Logger

    init(_ ports: HostPorts, _ sink: any ProbeSink, logger: Logger) {
        self.ports = ports
        self.sink = sink
        self.logger = logger
    }

    /// What the desired state asks of this host.
    func want(_ snapshot: HostSnapshot) {
        let isNew = state.withLock { state in
            state.answered.formIntersection(snapshot.probes.keys)
            let open = snapshot.probes.values.contains { $0.isAboutGateway && !state.answered.contains($0.id) }
            state.snapshot = open ? snapshot : nil
            return open
        }
        if isNew { signal.wake() }
    }

    /// Answers until cancelled.
    func run() async {
        for await _ in signal.wakeups {
            while let (snapshot, probe) = next(), !Task.isCancelled {
                guard let gateway = probe.question.gateway else { continue }
                let result = await answer(probe.question, gateway, snapshot)
                do { try await sink.answer(probe.id, result) } catch {
                    // It has ended, or whoever asked asks again.
                    logger.debug("a probe about a gateway is not answered", metadata: ["reason": "\(error)"])
                }
            }
        }
    }

    private func next() -> (HostSnapshot, DesiredProbe)? {
        state.withLock { state in
            guard let snapshot = state.snapshot,
                let probe = snapshot.probes.values.filter({ $0.isAboutGateway && !state.answered.contains($0.id) })
                    .min(by: { $0.id < $1.id })
            else { return nil }
            state.answered.insert(probe.id)
            return (snapshot, probe)
        }
    }

    private func answer(
        _ question: ProbeQuestion, _ id: ResourceID, _ snapshot: HostSnapshot
    ) async -> ProbeResult {
        guard let gateway = snapshot.gateways[id] else {
            return ProbeResult(.failed, message: "the gateway is not, or no longer, on this host")
        }
        switch question {
        case .leases: return await leases(of: id, gateway, snapshot)
        case .translation: return await translation(of: id, gateway)
        case .gatewayDrops: return await drops(of: id)
        case .drops, .path, .capture: return ProbeResult(.failed, message: "this is told elsewhere")
        }
    }
}

extension DesiredProbe {
    fileprivate var isAboutGateway: Bool { question.gateway != nil }
}

extension ProbeQuestion {
    /// The one that is asked about; nil for a question about something else.
    fileprivate var gateway: ResourceID? {
        switch self {
        case .leases(let gateway), .translation(let gateway), .gatewayDrops(let gateway): gateway
        case .drops, .path, .capture: nil
        }
    }
}
