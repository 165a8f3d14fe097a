import ComputeModel
import ComputePlanning
import Resources
import Synchronization

/// What the agent was told since it last looked; taking it empties it.
final class AgentInbox: Sendable {
    struct Content: Sendable {
        var orders: HostOrders?
        /// Whose removal the server has said.
        var removed: Set<ResourceID> = []
        /// What is wrong with the server or what it says; empty when nothing is any more.
        var upstream: String?
        var rebooted: Set<ResourceID> = []
        var ended: [LaneEnd] = []
    }

    private let content = Mutex(Content())
    /// For one consumer; ends when its task is cancelled.
    let wakeups: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    init() { (wakeups, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1)) }

    func post(_ change: (inout Content) -> Void = { _ in }) {
        content.withLock { change(&$0) }
        signal.yield()
    }

    func take() -> Content {
        content.withLock { content in
            defer { content = Content() }
            return content
        }
    }
}

/// What came of the steps of one VM.
struct LaneEnd: Sendable {
    var vm: ResourceID
    /// Those that were done, with the time.
    var done: [(step: ComputeStep, at: ContinuousClock.Instant)]
    /// The step that failed, and why.
    var failure: (step: ComputeStep, reason: String)?
}
