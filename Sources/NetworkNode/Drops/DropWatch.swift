import Logging
import NetworkModel
import NetworkPlanning
import NodePorts
import Resources
import Synchronization
import SystemService

/// Answers probes about dropped frames: while one is open the kernel's log is read, otherwise nobody asks for it and the
/// kernel copies nothing.
final class DropWatch: Sendable {
    private struct State {
        var collector = DropCollector()
        var wanted: [ResourceID: DesiredProbe] = [:]
    }

    private let state = Mutex(State())
    private let signal = Signal()
    private let ports: HostPorts
    private let sink: any ProbeSink
    private let interval: Duration
    private let logger: Logger

    /// Of what follows the link-layer header: with it, `DroppedFrame.maximumBytes`.
    static let snapLength = DroppedFrame.maximumBytes - 14

    init(_ ports: HostPorts, _ sink: any ProbeSink, interval: Duration, logger: Logger) {
        self.ports = ports
        self.sink = sink
        self.interval = interval
        self.logger = logger
    }

    /// What the desired state asks of this host.
    func want(_ snapshot: HostSnapshot) {
        let isNew = state.withLock { state in
            guard state.wanted != snapshot.probes else { return false }
            state.wanted = snapshot.probes
            state.collector.want(
                snapshot.probes.values, port: { snapshot.attachments[$0]?.portName }, at: .now)
            return true
        }
        if isNew { signal.wake() }
    }

    private var isListening: Bool { state.withLock { $0.collector.isListening } }

    /// Answers until cancelled.
    func run() async {
        for await _ in signal.wakeups {
            while isListening, !Task.isCancelled { await listen() }
        }
    }

    /// From the first open probe to the last.
    private func listen() async {
        do throws(NodeError) {
            let frames = try await ports.packets.frames(of: .drops, snapLength: Self.snapLength)
            await withTaskGroup(of: Void.self) { group in
                group.addTask { [self] in
                    for await frame in frames {
                        state.withLock { $0.collector.hear(frame, time: .now, at: .now) }
                    }
                }
                while isListening, !Task.isCancelled {
                    await answer()
                    // The only error of a sleep is cancellation, which the condition sees.
                    do { try await Task.sleep(for: interval) } catch {}
                }
                group.cancelAll()
            }
        } catch {
            logger.error("dropped frames cannot be shown", metadata: ["reason": "\(error)"])
            await send(state.withLock { $0.collector.fail("dropped frames cannot be read: \(error)") })
        }
    }

    private func answer() async {
        do throws(NodeError) {
            let counts = try await ports.droppedFrames()
            await send(state.withLock { $0.collector.answers(counts, at: .now) })
        } catch {
            // The ruleset is being made anew: the next answer is a second away.
            logger.debug("drops cannot be counted", metadata: ["reason": "\(error)"])
        }
    }

    private func send(_ answers: [(probe: ResourceID, result: ProbeResult)]) async {
        for (probe, result) in answers {
            do { try await sink.answer(probe, result) } catch {
                // The probe has ended; anything else is over by the next answer.
                if error.code == .refused { state.withLock { $0.collector.forget(probe) } }
            }
        }
    }
}
