import Addressing
import Logging
import NetworkModel
import NetworkPlanning
import NodePorts
import Resources

/// Answers probes about ways: each is acknowledged at once, measured for about a second, and answered once.
final class PathAnswers: Sendable {
    private let queue = ProbeQueue(maximum: PathAnswers.maximumAtOnce, makesWait: true) { probe in
        if case .path(let task) = probe.question { task } else { nil }
    }
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
    func want(_ snapshot: HostSnapshot) { queue.want(snapshot) }

    /// Answers until cancelled.
    func run() async {
        await clear()
        await queue.run { [self] turn in await answer(turn.probe, turn.question, turn.snapshot) }
    }

    /// What an agent that was killed while it measured has left at ports.
    private func clear() async {
        guard let probing = ports.paths else { return }
        do throws(NodeError) {
            let devices = try await ports.links.observe(in: nil).links.keys.filter(\.isPort)
            await probing.crossing.clear(Set(devices))
        } catch { logger.debug("ports cannot be looked at", metadata: ["reason": "\(error)"]) }
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
