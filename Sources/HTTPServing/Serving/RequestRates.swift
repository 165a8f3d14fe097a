import Persistence
import Resources
import Synchronization

/// How much each identity may ask: a bucket for each, which its requests fill and time empties, so that nobody keeps the
/// server from the others.
///
/// Who is administrator of the server is not held up: he must get through when others are the trouble. Neither is a host,
/// whose lease must be renewed whatever else it sends: what hosts send has a pace of its own (`RequestPace`).
/// Concurrency: any task.
final class RequestRates: Sendable {
    private struct Key: Hashable {
        var name: String
        /// Two projects may have tokens of one name; nil for users.
        var project: String?
    }

    private struct Bucket {
        var level: Double
        /// Nanoseconds of the server's clock.
        var at: UInt64
    }

    /// Seconds' worth of requests that may come at once.
    static let burstSeconds = 5.0
    /// Beyond this many, buckets that are empty are forgotten, and if that is not enough all of them.
    private static let maximumCount = 10_000

    private let perSecond: Double
    private let buckets = Mutex<[Key: Bucket]>([:])

    /// - Parameter perSecond: of each identity; 0 for no limit.
    init(perSecond: Int) { self.perSecond = Double(perSecond) }

    /// Counts a request.
    /// - Parameter now: nanoseconds of a clock that never goes back.
    /// - Throws: `rateLimited`, when the identity has asked too much.
    func admit(_ principal: Principal, now: UInt64) throws(Problem) {
        guard perSecond > 0, let key = Self.key(principal) else { return }
        let most = perSecond * Self.burstSeconds
        let excess = buckets.withLock { (buckets: inout [Key: Bucket]) -> Double in
            let level = self.level(buckets[key], now)
            guard level + 1 <= most else { return level + 1 - most }
            if buckets[key] == nil { makeRoom(&buckets, now) }
            buckets[key] = Bucket(level: level + 1, at: now)
            return 0
        }
        guard excess > 0 else { return }
        let seconds = Int(max(1, (excess / perSecond).rounded(.up)))
        var problem = Problem(
            .rateLimited,
            "\(principal) asks for more than \(Int(perSecond)) requests a second: nothing was done; try again in "
                + "\(seconds) s")
        problem.retryAfterSeconds = seconds
        throw problem
    }

    /// Counts a body that was read: each KiB is one request more, since a batch is work for a thousand of them.
    func add(_ bytes: Int, by principal: Principal, now: UInt64) {
        add(requests: bytes / 1024, by: principal, now: now)
    }

    /// Counts a body that was handed on, where nobody here knows what it is: each 64 KiB is one request more. Documents are
    /// small there, and the pieces of an image are no work by their size.
    func addForeign(_ bytes: Int, by principal: Principal, now: UInt64) {
        add(requests: bytes / 65_536, by: principal, now: now)
    }

    private func add(requests: Int, by principal: Principal, now: UInt64) {
        guard perSecond > 0, requests > 0, let key = Self.key(principal) else { return }
        buckets.withLock { buckets in
            buckets[key] = Bucket(level: level(buckets[key], now) + Double(requests), at: now)
        }
    }

    private func level(_ bucket: Bucket?, _ now: UInt64) -> Double {
        guard let bucket else { return 0 }
        return max(0, bucket.level - Double(now - min(now, bucket.at)) / 1e9 * perSecond)
    }

    private func makeRoom(_ buckets: inout [Key: Bucket], _ now: UInt64) {
        guard buckets.count >= Self.maximumCount else { return }
        buckets = buckets.filter { level($0.value, now) > 0 }
        if buckets.count >= Self.maximumCount { buckets = [:] }
    }

    private static func key(_ principal: Principal) -> Key? {
        guard case .identity(let identity) = principal else { return nil }
        return Key(name: identity.name, project: identity.isToken ? identity.grants.projects.first?.key : nil)
    }
}
