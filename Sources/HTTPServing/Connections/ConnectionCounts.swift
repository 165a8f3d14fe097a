package import Persistence
import Synchronization

/// Who has how many connections, by `ConnectionLimits`.
///
/// A connection is a stranger's until somebody was let in on it: who has no credential holds a quarter of what a network may
/// have, and all without one together three quarters of what there is, the rest being for networks from which somebody was
/// let in before. So nobody locks out others, and a flood from everywhere those who were here before it.
/// Concurrency: any task.
package final class ConnectionCounts: Sendable {
    /// Why one more is not taken.
    package enum Refusal: Error, Hashable, Sendable {
        /// This network has as many as it may.
        case network(String)
        /// There are as many as the server takes.
        case all
    }

    /// For people and metrics.
    package struct Totals: Hashable, Sendable {
        package var open = 0
        package var strangers = 0
        package var refusedByNetwork = 0
        package var refusedInAll = 0
    }

    fileprivate struct Network {
        var open = 0
        var strangers = 0
    }

    fileprivate struct State {
        var totals = Totals()
        var networks: [String: Network] = [:]
        /// Networks from which somebody was let in.
        var known: Set<String> = []
        /// Refused ones that are still being told so.
        var explaining = 0
    }

    /// Beyond this many networks all are forgotten.
    private static let maximumKnown = 10_000
    /// So many are told at a time why they are refused; others are closed without a word.
    static let maximumExplaining = 256

    private let limits: ConnectionLimits
    private let state = Mutex(State())

    package init(_ limits: ConnectionLimits) { self.limits = limits }

    package var totals: Totals { state.withLock(\.totals) }

    /// Counts a connection that has come.
    /// - Returns: its place, to be given back when it ends.
    package func open(_ peer: CheckedRequest.Peer) throws(Refusal) -> ConnectionPlace {
        let network = peer.network
        let isCounted = limits.perNetwork > 0 && (limits.countsOwnMachine || !peer.isOwnMachine)
        return try state.withLock { (state: inout State) throws(Refusal) -> ConnectionPlace in
            let here = state.networks[network] ?? Network()
            if isCounted, here.open >= limits.perNetwork || here.strangers >= limits.strangersPerNetwork {
                state.totals.refusedByNetwork += 1
                throw .network(network)
            }
            let isLast = state.totals.strangers >= limits.strangers && !state.known.contains(network)
            if state.totals.open >= limits.all || isLast {
                state.totals.refusedInAll += 1
                throw .all
            }
            state.add(network, open: 1, strangers: 1)
            return ConnectionPlace(network, in: self)
        }
    }

    /// Whether there is room to tell one more why it is refused; `explained` gives the room back.
    func mayExplain() -> Bool {
        state.withLock { state in
            guard state.explaining < Self.maximumExplaining else { return false }
            state.explaining += 1
            return true
        }
    }

    func explained() { state.withLock { $0.explaining -= 1 } }

    fileprivate func letIn(_ network: String) {
        state.withLock { state in
            state.add(network, open: 0, strangers: -1)
            guard !state.known.contains(network) else { return }
            if state.known.count >= Self.maximumKnown { state.known = [] }
            state.known.insert(network)
        }
    }

    fileprivate func close(_ network: String, isStranger: Bool) {
        state.withLock { $0.add(network, open: -1, strangers: isStranger ? -1 : 0) }
    }
}

extension ConnectionCounts.State {
    fileprivate mutating func add(_ network: String, open: Int, strangers: Int) {
        var here = networks[network] ?? ConnectionCounts.Network()
        here.open += open
        here.strangers += strangers
        networks[network] = here.open == 0 ? nil : here
        totals.open += open
        totals.strangers += strangers
    }
}

/// One connection among those that are counted. Given back once, by `close`.
package final class ConnectionPlace: Sendable {
    private enum Stage { case stranger, letIn, closed }

    private let network: String
    private let counts: ConnectionCounts
    private let stage = Mutex(Stage.stranger)

    fileprivate init(_ network: String, in counts: ConnectionCounts) {
        self.network = network
        self.counts = counts
    }

    /// Somebody was let in on it: it is no stranger's any more.
    package func letIn() {
        let wasStranger = stage.withLock { stage in
            guard stage == .stranger else { return false }
            stage = .letIn
            return true
        }
        if wasStranger { counts.letIn(network) }
    }

    package func close() {
        let before = stage.withLock { stage in
            defer { stage = .closed }
            return stage
        }
        if before != .closed { counts.close(network, isStranger: before == .stranger) }
    }
}

extension CheckedRequest.Peer {
    /// Loopback, or root at the Unix socket.
    fileprivate var isOwnMachine: Bool {
        switch self {
        case .unix(let user): user == 0
        case .tcp(let address): address == "::1" || network.hasPrefix("127.")
        }
    }
}

/// The counts of TCP and of the Unix socket: neither takes the other's room.
struct ConnectionBooks: Sendable {
    let tcp: ConnectionCounts
    let unix: ConnectionCounts

    init(_ limits: ConnectionLimits) { (tcp, unix) = (ConnectionCounts(limits), ConnectionCounts(limits)) }
}
