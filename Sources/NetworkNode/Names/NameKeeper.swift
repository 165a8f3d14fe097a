import APIClient
import Logging
import NetworkModel
import NetworkPlanning
import NodePorts
import Resources
import Synchronization

/// Keeps the host's name server at what is desired, beside the loop that keeps its devices: a change of a name is a
/// change of a file and a word to a daemon, and holds up no port.
///
/// Level-triggered: each turn compares what is wanted with what was handed over, hands over the difference, and asks
/// the server as anybody would. One that does not answer is started anew.
final class NameKeeper: Sendable {
    private let wanted = Mutex<NameServerTurn.Wanted?>(nil)
    private let signal = Signal()
    private let ports: HostPorts
    private let interval: Duration
    private let logger: Logger

    init(_ ports: HostPorts, interval: Duration, logger: Logger) {
        self.ports = ports
        self.interval = interval
        self.logger = logger
    }

    /// What the desired state asks of this host.
    func want(_ snapshot: HostSnapshot) {
        let new = NameServerTurn.Wanted(
            names: snapshot.names, address: snapshot.host.vtep, serviceAddress: snapshot.host.serviceAddress)
        let isNew = wanted.withLock { wanted in
            guard wanted != new else { return false }
            wanted = new
            return true
        }
        if isNew { signal.wake() }
    }

    /// Works until cancelled.
    /// - Parameter say: what there is to report on zones.
    func run(_ say: @escaping @Sendable ([ResourceReport]) -> Void) async {
        guard let server = ports.names else { return }
        await withDiscardingTaskGroup { group in
            group.addTask { await self.tick() }
            var turn = NameServerTurn(server: server, daemons: ports.daemons, logger: logger)
            for await _ in signal.wakeups {
                guard let wanted = wanted.withLock({ $0 }) else { continue }
                let reports = await turn.take(wanted)
                if !reports.isEmpty { say(reports) }
            }
            group.cancelAll()
        }
    }

    private func tick() async {
        while !Task.isCancelled {
            // The only error of a sleep is cancellation.
            do { try await Task.sleep(for: interval) } catch { return }
            signal.wake()
        }
    }
}
