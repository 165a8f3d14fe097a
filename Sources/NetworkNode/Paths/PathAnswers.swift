import Addressing
import Logging
import NetworkModel
import NetworkPlanning
import NodePorts
import Resources
import Synchronization

/// Answers probes about ways: each is acknowledged at once, measured for about a second, and answered once.
final class PathAnswers: Sendable {
    private struct State {
        var snapshot: HostSnapshot?
        var begun: Set<ResourceID> = []
        var running = 0
    }

    private let state = Mutex(State())
    private let signal = Signal()
    private let ports: HostPorts
    private let sink: any ProbeSink
    private let logger: Logger
    private let memory = RouterMemory()

    /// Each has threads of its own; those beyond wait and are late.
    static let maximumAtOnce = 8

    init(_ ports: HostPorts, _ sink: any ProbeSink, logger: Logger) {
        self.ports = ports
        self.sink = sink
        self.logger = logger
    }

    /// What the desired state asks of this host.
    func want(_ snapshot: HostSnapshot) {
        let isNew = state.withLock { state in
            state.begun.formIntersection(snapshot.probes.keys)
            let open = snapshot.probes.values.contains { $0.pathTask != nil && !state.begun.contains($0.id) }
            state.snapshot = open ? snapshot : nil
            return open
        }
        if isNew { signal.wake() }
    }

    /// Answers until cancelled.
    func run() async {
        await clear()
        await withDiscardingTaskGroup { group in
            for await _ in signal.wakeups {
                while let (snapshot, probe, task) = next() {
                    group.addTask { [self] in
                        await answer(probe, task, snapshot)
                        state.withLock { $0.running -= 1 }
                        signal.wake()
                    }
                }
            }
            group.cancelAll()
        }
    }

    /// What an agent that was killed while it measured has left at ports.
    private func clear() async {
        guard let probing = ports.paths else { return }
        do throws(NodeError) {
            let devices = try await ports.links.observe(in: nil).links.keys.filter(\.isPort)
            await probing.crossing.clear(Set(devices))
        } catch { logger.debug("ports cannot be looked at", metadata: ["reason": "\(error)"]) }
    }

    private func next() -> (HostSnapshot, DesiredProbe, PathTask)? {
        state.withLock { state in
            guard state.running < Self.maximumAtOnce, let snapshot = state.snapshot,
                let probe = snapshot.probes.values.filter({ $0.pathTask != nil && !state.begun.contains($0.id) })
                    .min(by: { $0.id < $1.id }), let task = probe.pathTask
            else { return nil }
            state.begun.insert(probe.id)
            state.running += 1
            return (snapshot, probe, task)
        }
    }

    private func answer(_ probe: DesiredProbe, _ task: PathTask, _ snapshot: HostSnapshot) async {
        guard let probing = ports.paths else {
            return await send(ProbeResult(.failed, message: "this host cannot measure ways"), to: probe.id)
        }
        // Beside the measuring: the other end has begun.
        async let acknowledged: Void = send(ProbeResult(.measuring), to: probe.id)
        let findings = await PathMeasurement(
            task: task, snapshot: snapshot, ports: ports, probing: probing, memory: memory
        ).run()
        await acknowledged
        await send(ProbeResult(.done, path: findings), to: probe.id)
    }

    private func send(_ result: ProbeResult, to probe: ResourceID) async {
        do { try await sink.answer(probe, result) } catch {
            // It has ended, or whoever asked asks again.
            logger.debug("a probe about a way is not answered", metadata: ["reason": "\(error)"])
        }
    }
}

extension DesiredProbe {
    fileprivate var pathTask: PathTask? { if case .path(let task) = question { task } else { nil } }
}
