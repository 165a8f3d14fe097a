import Addressing
import NetworkModel
import NetworkPlanning
import NodePorts
import Resources
import Synchronization

/// What the agent was told since it last looked, from all sides; taking it empties it.
final class Inbox: Sendable {
    struct Content: Sendable {
        /// From the API, in the order it came.
        var upstream: [DesiredFeed.FeedEvent] = []
        /// Those of them that the gate lets through.
        var updates: [HostUpdate] = []
        /// What ports saw change; maybe only the echo of the agent's own work.
        var events = Attention()
        /// What is to be looked at in any case.
        var demands = Attention()

        /// What the host was found to be able to do.
        var capabilities: [String: String]?
        /// What the disk kept, once it has been read.
        var kept: Kept?
        /// What came of the survey that a turn had asked for.
        var survey: Result<HostSurvey, NodeError>?

        /// What guests claim.
        var claims = ClaimQueue()
        /// Learned addresses that the API did not grant, by segment.
        var refusedAddresses: [(segment: ResourceID, refused: [RefusedAddress])] = []

        /// Addresses that were in use lately, by port: the time to let go of others has come.
        var seen: [InterfaceName: Set<IPv6Address>]?
        /// A new reading of the counters of drops.
        var dropCounts: DropCounts?

        var isEmpty: Bool {
            capabilities == nil && upstream.isEmpty && updates.isEmpty && events.isEmpty && demands.isEmpty
                && kept == nil && survey == nil && claims.isEmpty && refusedAddresses.isEmpty
                && dropCounts == nil && seen == nil
        }
    }

    struct Kept: Sendable {
        /// nil when there is none, or none that can be used.
        var snapshot: HostSnapshot?
    }

    private let content = Mutex(Content())
    private let signal = Signal()

    /// For one consumer; yields when there may be something to take.
    var wakeups: AsyncStream<Void> { signal.wakeups }

    func post(_ change: (inout Content) -> Void) {
        content.withLock { change(&$0) }
        signal.wake()
    }

    /// Makes the consumer look without telling it anything: a time it waited for has come.
    func wake() { signal.wake() }

    func take() -> Content {
        content.withLock { content in
            defer { content = Content() }
            return content
        }
    }

    var isEmpty: Bool { content.withLock { $0.isEmpty } }
}
