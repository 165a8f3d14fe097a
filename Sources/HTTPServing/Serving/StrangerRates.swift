import Persistence
import Resources
import Synchronization

/// How much may be asked without being let in: a bucket for each network, which refused requests fill and time empties.
///
/// Counted by the address that the server's socket knows (the /64 of an IPv6 one), and by nothing that a client writes. A full
/// bucket holds up what comes from that network and was not let in before: another network, a credential that was right
/// lately from there, and the two paths that everybody may ask are answered as ever. Users of the Unix socket are not counted.
/// Concurrency: any task.
final class StrangerRates: Sendable {
    private struct Bucket {
        var level: Double
        /// Nanoseconds of the server's clock.
        var at: UInt64
    }

    private struct State {
        var buckets: [String: Bucket] = [:]
        /// Hashes, by a key of this process, of networks with what was right from there.
        var right: Set<Int> = []
    }

    /// Seconds' worth of refusals that may come at once.
    static let burstSeconds = 5.0
    /// Beyond this many, buckets that are empty are forgotten, and if that is not enough all of them.
    private static let maximumCount = 10_000

    private let perSecond: Double
    private let state = Mutex(State())

    /// - Parameter perSecond: of each network; 0 for no limit.
    init(perSecond: Int) { self.perSecond = Double(perSecond) }

    /// - Parameter now: nanoseconds of a clock that never goes back.
    /// - Throws: `rateLimited`, when the network was refused too often lately.
    func admit(_ request: CheckedRequest, now: UInt64) throws(Problem) {
        guard perSecond > 0, case .tcp = request.peer else { return }
        let excess = state.withLock { (state: inout State) -> Double in
            // Nobody was refused lately: the way of almost every request.
            guard !state.buckets.isEmpty, let bucket = state.buckets[request.peer.network] else { return 0 }
            let excess = level(bucket, now) + 1 - perSecond * Self.burstSeconds
            return excess > 0 && !state.right.contains(Self.hash(request)) ? excess : 0
        }
        guard excess > 0 else { return }
        let seconds = Int(max(1, (excess / perSecond).rounded(.up)))
        var problem = Problem(
            .rateLimited,
            "too many requests from \(request.peer.network) were refused: nothing was looked at; try again in \(seconds) s"
        )
        problem.retryAfterSeconds = seconds
        throw problem
    }

    func refused(_ request: CheckedRequest, now: UInt64) {
        guard perSecond > 0, case .tcp = request.peer else { return }
        let network = request.peer.network
        state.withLock { (state: inout State) in
            if state.buckets[network] == nil, state.buckets.count >= Self.maximumCount {
                state.buckets = state.buckets.filter { self.level($0.value, now) > 0 }
                if state.buckets.count >= Self.maximumCount { state.buckets = [:] }
            }
            let before = state.buckets[network].map { self.level($0, now) } ?? 0
            state.buckets[network] = Bucket(level: min(before + 1, perSecond * Self.burstSeconds), at: now)
        }
    }

    func letIn(_ request: CheckedRequest) {
        guard perSecond > 0, case .tcp = request.peer else { return }
        let hash = Self.hash(request)
        state.withLock { (state: inout State) in
            guard !state.right.contains(hash) else { return }
            if state.right.count >= Self.maximumCount { state.right = [] }
            state.right.insert(hash)
        }
    }

    private func level(_ bucket: Bucket, _ now: UInt64) -> Double {
        max(0, bucket.level - Double(now - min(now, bucket.at)) / 1e9 * perSecond)
    }

    private static func hash(_ request: CheckedRequest) -> Int {
        var hasher = Hasher()
        hasher.combine(request.peer.network)
        hasher.combine(request.authorization)
        if request.authorization == nil { hasher.combine(request.certificates?.chain.first) }
        return hasher.finalize()
    }
}
