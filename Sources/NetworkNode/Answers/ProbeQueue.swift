import NetworkModel
import NetworkPlanning
import Resources
import Synchronization

/// The probes of one sort that the desired state asks of this host: each is answered once, some at a time.
final class ProbeQueue<Question: Sendable>: Sendable {
    /// One probe whose turn has come, with the state of the host that it was asked in.
    struct Turn: Sendable {
        var snapshot: HostSnapshot
        var probe: DesiredProbe
        var question: Question
        /// More are being answered than may be at once: who answers says so.
        var isOneTooMany: Bool
    }

    private struct State {
        /// nil while nothing is open.
        var snapshot: HostSnapshot?
        var wanted: Set<ResourceID> = []
        var begun: Set<ResourceID> = []
        var running = 0
    }

    private let state = Mutex(State())
    private let signal = Signal()
    private let maximum: Int
    private let makesWait: Bool
    private let question: @Sendable (DesiredProbe) -> Question?

    /// - Parameters:
    ///   - maximum: that are answered at once.
    ///   - makesWait: those beyond wait; otherwise they have their turn as `isOneTooMany`.
    ///   - question: nil for probes of other sorts.
    init(maximum: Int, makesWait: Bool, _ question: @escaping @Sendable (DesiredProbe) -> Question?) {
        self.maximum = maximum
        self.makesWait = makesWait
        self.question = question
    }

    /// What the desired state asks of this host.
    func want(_ snapshot: HostSnapshot) {
        let isNew = state.withLock { state in
            state.wanted = Set(snapshot.probes.values.filter { question($0) != nil }.map(\.id))
            state.begun.formIntersection(state.wanted)
            let isOpen = state.begun != state.wanted
            state.snapshot = isOpen ? snapshot : nil
            return isOpen
        }
        if isNew { signal.wake() }
    }

    /// Whether a probe is in the desired state still.
    func isWanted(_ probe: ResourceID) -> Bool { state.withLock { $0.wanted.contains(probe) } }

    /// Has each answered, until cancelled.
    func run(_ answer: @escaping @Sendable (Turn) async -> Void) async {
        await withDiscardingTaskGroup { group in
            for await _ in signal.wakeups {
                while let turn = next() {
                    group.addTask { [self] in
                        await answer(turn)
                        state.withLock { $0.running -= 1 }
                        signal.wake()
                    }
                }
            }
            group.cancelAll()
        }
    }

    private func next() -> Turn? {
        state.withLock { state in
            guard let snapshot = state.snapshot, !makesWait || state.running < maximum,
                let probe = snapshot.probes.values.filter({ question($0) != nil && !state.begun.contains($0.id) })
                    .min(by: { $0.id < $1.id }), let question = question(probe)
            else { return nil }
            state.begun.insert(probe.id)
            state.running += 1
            return Turn(
                snapshot: snapshot, probe: probe, question: question, isOneTooMany: state.running > maximum)
        }
    }
}
