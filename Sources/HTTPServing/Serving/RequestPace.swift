package import Resources
import Synchronization

/// Holds machines to so many requests a second about one thing, with room for a few at once: a thing that changes all
/// the time must not become a write to the store each time.
package final class RequestPace: Sendable {
    package struct Key: Hashable {
        package var host: ResourceID
        package var subject: ResourceID

        package init(host: ResourceID, subject: ResourceID) {
            self.host = host
            self.subject = subject
        }
    }

    private struct Bucket {
        var tokens: Double
        var filled: ContinuousClock.Instant
    }

    private let burst: Double
    private let perSecond: Double
    private let buckets = Mutex<[Key: Bucket]>([:])

    /// - Parameter burst: requests at once after a while of silence. Default 4.
    package init(burst: Int = 4, perSecond: Int = 1) {
        self.burst = Double(burst)
        self.perSecond = Double(perSecond)
    }

    /// - Throws: `rateLimited` when the host asks too often.
    package func admit(_ key: Key, now: ContinuousClock.Instant = .now) throws(Problem) {
        let isAdmitted = buckets.withLock { (table: inout [Key: Bucket]) -> Bool in
            // A full bucket says no more than none.
            if table.count > 10_000 { table = table.filter { self.level(of: $0.value, now) < burst } }
            let tokens = self.level(of: table[key] ?? Bucket(tokens: burst, filled: now), now)
            table[key] = Bucket(tokens: tokens >= 1 ? tokens - 1 : tokens, filled: now)
            return tokens >= 1
        }
        guard isAdmitted else {
            var problem = Problem(
                .rateLimited,
                "\(Int(perSecond)) request\(perSecond == 1 ? "" : "s") a second about one thing: nothing was changed; "
                    + "try again in 1 s")
            problem.retryAfterSeconds = 1
            throw problem
        }
    }

    /// Up to the burst.
    private func level(of bucket: Bucket, _ now: ContinuousClock.Instant) -> Double {
        min(burst, bucket.tokens + perSecond * (bucket.filled.duration(to: now) / .seconds(1)))
    }
}
