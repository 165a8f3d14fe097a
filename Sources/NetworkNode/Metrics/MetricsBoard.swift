import HostState
import Logging
import NetworkModel
import NetworkPlanning
import NodePorts
import Resources
import Synchronization

/// The agent's measures for its metrics file, kept apart from the loop.
final class MetricsBoard: Sendable {
    private struct State {
        var ledger = DropLedger()
        var metrics = AgentMetrics()
        /// The gateways that translate.
        var translating: Set<ResourceID> = []
        /// The gateways that are here, and what their kernel counters said last.
        var carried: Set<ResourceID> = []
        var lastDrops: [ResourceID: [String: UInt64]] = [:]
    }

    private let state = Mutex(State())

    init() {}

    /// - Parameter counts: a new reading of the kernel's counters of drops; nil when there is none.
    func post(_ convergence: Convergence, _ counts: DropCounts?, isConnected: Bool) {
        state.withLock { state in
            state.metrics.counters = convergence.counters
            state.metrics.claims = convergence.claims
            state.metrics.isConnected = isConnected
            if let bindings = convergence.bindings {
                state.metrics.bindings = bindings.counters
                state.metrics.learned = bindings.count
            }
            if let gateways = convergence.snapshot?.gateways {
                let carried = Set(gateways.lazy.filter { !$0.value.role.isOver }.map(\.key))
                state.carried = carried
                state.metrics.gatewayDrops = state.metrics.gatewayDrops.filter { carried.contains($0.key) }
                state.lastDrops = state.lastDrops.filter { carried.contains($0.key) }
                let translating = Set(gateways.lazy.filter { $0.value.nat64 != nil }.map(\.key))
                state.translating = translating
                state.metrics.translations = state.metrics.translations.filter { translating.contains($0.key) }
            }
            guard let counts else { return }
            state.ledger.take(counts)
            state.ledger.keep { convergence.names[$0] != nil }
            state.metrics.drops = Self.drops(state.ledger, convergence)
            state.metrics.closedTunnels = Self.closedTunnels(state.ledger, convergence)
        }
    }

    /// The gateways whose translators are to be asked, in order.
    var translating: [ResourceID] { state.withLock { $0.translating.sorted() } }

    /// - Parameter statistics: nil when it has no translator now.
    func post(_ statistics: TranslatorStatistics?, of gateway: ResourceID) {
        state.withLock { state in
            guard state.translating.contains(gateway) else { return }
            state.metrics.translations[gateway] = statistics
        }
    }

    /// The gateways whose firewalls are to be asked, in order.
    var carried: [ResourceID] { state.withLock { $0.carried.sorted() } }

    /// Adds what was dropped since the last reading: the kernel's counters begin anew with each new structure.
    func post(_ drops: [String: UInt64], of gateway: ResourceID) {
        state.withLock { state in
            guard state.carried.contains(gateway) else { return }
            for (reason, count) in drops {
                let last = state.lastDrops[gateway]?[reason] ?? 0
                state.metrics.gatewayDrops[gateway, default: [:]][reason, default: 0] +=
                    count >= last ? count - last : count
            }
            state.lastDrops[gateway] = drops
        }
    }

    private static func drops(_ ledger: DropLedger, _ convergence: Convergence) -> [AgentMetrics.Drops] {
        var drops: [AgentMetrics.Drops] = []
        for (port, reasons) in ledger.totals.sorted(by: { $0.key < $1.key }) {
            guard case .attachment(let id) = convergence.names[port],
                let segment = convergence.snapshot?.attachments[id]?.segment
            else { continue }
            for (reason, count) in reasons.sorted(by: { $0.key < $1.key }) {
                drops.append(AgentMetrics.Drops(attachment: id, segment: segment, reason: reason, count: count))
            }
        }
        return drops
    }

    private static func closedTunnels(_ ledger: DropLedger, _ convergence: Convergence) -> [ResourceID: UInt64] {
        var closed: [ResourceID: UInt64] = [:]
        for (device, reasons) in ledger.totals {
            guard case .segment(let id) = convergence.names[device] else { continue }
            closed[id, default: 0] += reasons.values.reduce(0, +)
        }
        return closed
    }

    /// Writes the file when something changed. Ends by cancellation.
    func run(_ files: AgentFiles, every interval: Duration, _ logger: Logger) async {
        guard let path = files.metrics else { return }
        var written: AgentMetrics?
        var failed = false
        while !Task.isCancelled {
            let current = state.withLock { $0.metrics }
            if current != written {
                let result = await files.queue.run {
                    Result { () throws(FileError) in
                        // In a run folder: nothing to keep over a power loss.
                        try AtomicFile.write(Array(current.text.utf8), to: path, mode: 0o644, durable: false)
                    }
                }
                switch result {
                case .success:
                    written = current
                    failed = false
                case .failure(let error):
                    if !failed {
                        logger.error("the metrics file cannot be written", metadata: ["reason": "\(error)"])
                    }
                    failed = true
                }
            }
            // The only error of a sleep is cancellation.
            do { try await Task.sleep(for: interval) } catch { return }
        }
    }
}
