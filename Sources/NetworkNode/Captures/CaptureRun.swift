import NetworkModel
import NodePorts
import Resources
import Synchronization

/// One capture while it lasts: a thread fills the basket, a task empties it to the API.
final class CaptureRun: Sendable {
    private struct State {
        var basket: CaptureBasket
        var report: CaptureReport
    }

    private let state: Mutex<State>
    private let probe: ResourceID
    private let sink: any ProbeSink
    private let isWanted: @Sendable () -> Bool

    /// Refusals and silence of the API that are borne for one chunk.
    private static let tries = 4

    init(
        _ probe: DesiredProbe, _ task: CaptureTask, _ devices: [CaptureReport.Device], _ sink: any ProbeSink,
        isWanted: @escaping @Sendable () -> Bool
    ) {
        self.probe = probe.id
        self.sink = sink
        self.isWanted = isWanted
        state = Mutex(
            State(
                basket: CaptureBasket(task, seconds: probe.seconds, at: .now), report: CaptureReport(devices: devices)))
    }

    /// What was sent so far.
    var report: CaptureReport {
        state.withLock { state in
            state.report.dropped = state.basket.dropped
            state.report.end = state.basket.end
            return state.report
        }
    }

    /// Captures to the end.
    /// - Returns: what was wrong; nil when at least one device was listened at.
    func capture(_ order: CaptureOrder, by capturing: any FrameCapturing) async throws(NodeError) -> String? {
        async let sent: Void = sendAll()
        let outcomes: [CapturePlaceOutcome]
        do throws(NodeError) {
            outcomes = try await capturing.capture(order) { [self] frames in
                let goesOn = isWanted()
                return state.withLock { $0.basket.take(frames, at: .now) } && goesOn
            }
        } catch {
            close()
            await sent
            throw error
        }
        close()
        await sent
        state.withLock { state in
            for (place, outcome) in outcomes.enumerated() where state.report.devices.indices.contains(place) {
                state.report.devices[place].lost = outcome.lost
                state.report.devices[place].failure = outcome.failure.map {
                    String(decoding: "\($0)".utf8.prefix(CaptureReport.maximumFailureBytes), as: UTF8.self)
                }
            }
        }
        guard !outcomes.isEmpty, outcomes.allSatisfy({ $0.failure != nil }) else { return nil }
        return "no device can be listened at: \(outcomes.compactMap(\.failure).map { "\($0)" }.first ?? "")"
    }

    private func close() { state.withLock { $0.basket.close() } }

    /// Sends what has gathered, a few times a second, until the capture has ended and nothing waits.
    private func sendAll() async {
        // Who asked sees which devices it is before the first frame.
        await answer(ProbeResult(.measuring, capture: report))
        while true {
            let (chunk, isOver) = state.withLock { ($0.basket.next(), $0.basket.end != nil) }
            if let chunk {
                await send(chunk)
                guard isWanted() else { return }
            } else if isOver {
                return
            }
            // The only error of a sleep is cancellation: the agent ends, and with it the capture.
            do { try await Task.sleep(for: CaptureChunk.interval) } catch { return close() }
        }
    }

    private func send(_ chunk: CaptureChunk) async {
        let number = state.withLock { $0.report.chunks }
        guard number < CaptureChunk.maximumCount else { return state.withLock { $0.basket.lose(chunk) } }
        for _ in 0..<Self.tries {
            do throws(ControlPlaneError) {
                try await sink.deliver(chunk, number: number, of: probe)
                return state.withLock { state in
                    state.report.chunks += 1
                    state.report.frames += UInt64(chunk.frames.count)
                }
            } catch {
                guard error.code == .unreachable || error.code == .unavailable, isWanted() else { break }
                // The only error of a sleep is cancellation, and then nobody waits for the frames.
                do { try await Task.sleep(for: CaptureChunk.interval) } catch { break }
            }
        }
        state.withLock { $0.basket.lose(chunk) }
    }

    private func answer(_ result: ProbeResult) async {
        // A first answer that is lost is made up for by the last one, which says the same.
        do throws(ControlPlaneError) { try await sink.answer(probe, result) } catch {}
    }
}
