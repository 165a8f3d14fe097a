import Addressing
import Logging
import NetworkModel
import NetworkPlanning
import NodePorts
import Resources
import Synchronization

/// Answers probes that capture frames: chunks go to the API while it lasts.
final class CaptureAnswers: Sendable {
    private struct State {
        var snapshot: HostSnapshot?
        var wanted: Set<ResourceID> = []
        var begun: Set<ResourceID> = []
        var running = 0
    }

    private let state = Mutex(State())
    private let signal = Signal()
    private let ports: HostPorts
    private let sink: any ProbeSink
    private let logger: Logger

    /// Each has a thread of its own; more are refused.
    static let maximumAtOnce = 8
    /// How often an answer is sent until it is taken.
    private static let tries = 4

    init(_ ports: HostPorts, _ sink: any ProbeSink, logger: Logger) {
        self.ports = ports
        self.sink = sink
        self.logger = logger
    }

    /// What the desired state asks of this host. A capture that is not in it any more ends.
    func want(_ snapshot: HostSnapshot) {
        let isNew = state.withLock { state in
            let captures = snapshot.probes.values.filter { $0.captureTask != nil }
            state.wanted = Set(captures.map(\.id))
            state.begun.formIntersection(state.wanted)
            let open = captures.contains { !state.begun.contains($0.id) }
            state.snapshot = open ? snapshot : nil
            return open
        }
        if isNew { signal.wake() }
    }

    /// Answers until cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            for await _ in signal.wakeups {
                while let (snapshot, probe, task, isTooMany) = next() {
                    group.addTask { [self] in
                        if isTooMany {
                            await send(
                                ProbeResult(.failed, message: "too many captures run on this host"), to: probe.id)
                        } else {
                            await capture(probe, task, snapshot)
                        }
                        state.withLock { $0.running -= 1 }
                    }
                }
            }
            group.cancelAll()
        }
    }

    private func next() -> (HostSnapshot, DesiredProbe, CaptureTask, isTooMany: Bool)? {
        state.withLock { state in
            guard let snapshot = state.snapshot,
                let probe = snapshot.probes.values.filter({ $0.captureTask != nil && !state.begun.contains($0.id) })
                    .min(by: { $0.id < $1.id }), let task = probe.captureTask
            else { return nil }
            state.begun.insert(probe.id)
            state.running += 1
            return (snapshot, probe, task, state.running > Self.maximumAtOnce)
        }
    }

    private func isWanted(_ probe: ResourceID) -> Bool { state.withLock { $0.wanted.contains(probe) } }

    private func capture(_ probe: DesiredProbe, _ task: CaptureTask, _ snapshot: HostSnapshot) async {
        guard let capturing = ports.captures else {
            return await send(ProbeResult(.failed, message: "this host cannot capture"), to: probe.id)
        }
        guard let plan = CapturePlan(task, snapshot) else {
            return await send(
                ProbeResult(.failed, message: "the attachment is not, or no longer, on this host"), to: probe.id)
        }
        logger.notice(
            "a capture begins",
            metadata: [
                "probe": "\(probe.id)", "attachment": "\(task.attachment)", "by": "\(task.by)",
                "points": "\(task.points.map(\.rawValue).joined(separator: ","))", "seconds": "\(probe.seconds)",
            ])
        let run = CaptureRun(probe, task, plan.devices, sink) { [self] in isWanted(probe.id) }
        let message: String?
        do throws(NodeError) {
            message = try await run.capture(plan.order, by: capturing)
        } catch { message = "\(error)" }
        let report = run.report
        await send(
            message.map { ProbeResult(.failed, message: $0, capture: report) } ?? ProbeResult(.done, capture: report),
            to: probe.id)
        logger.notice(
            "a capture ends",
            metadata: ["probe": "\(probe.id)", "frames": "\(report.frames)", "dropped": "\(report.dropped)"])
    }

    private func send(_ result: ProbeResult, to probe: ResourceID) async {
        for _ in 0..<Self.tries {
            do { return try await sink.answer(probe, result) } catch {
                // Refused: it has ended. Otherwise whoever asked waits for it.
                logger.debug("a capture is not answered", metadata: ["reason": "\(error)"])
                guard error.code != .refused else { return }
                // The only error of a sleep is cancellation, after which nothing is sent.
                do { try await Task.sleep(for: .seconds(1)) } catch { return }
            }
        }
    }
}

extension DesiredProbe {
    fileprivate var captureTask: CaptureTask? { if case .capture(let task) = question { task } else { nil } }
}
