import Addressing
import Logging
import NetworkModel
import NetworkPlanning
import NodePorts
import Resources

/// Answers probes that capture frames: chunks go to the API while it lasts.
final class CaptureAnswers: Sendable {
    private let queue = ProbeQueue(maximum: CaptureAnswers.maximumAtOnce, makesWait: false) { probe in
        if case .capture(let task) = probe.question { task } else { nil }
    }
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
    func want(_ snapshot: HostSnapshot) { queue.want(snapshot) }

    /// Answers until cancelled.
    func run() async {
        await queue.run { [self] turn in
            if turn.isOneTooMany {
                await send(ProbeResult(.failed, message: "too many captures run on this host"), to: turn.probe.id)
            } else {
                await capture(turn.probe, turn.question, turn.snapshot)
            }
        }
    }

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
        let run = CaptureRun(probe, task, plan.devices, sink) { [queue] in queue.isWanted(probe.id) }
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
