package import Resources

/// How often one guest may ask: a boot's worth at once, then a few a second.
package struct GuestPace: Sendable {
    private struct Bucket {
        var tokens: Double
        var filled: ContinuousClock.Instant
    }

    private var buckets: [ResourceID: Bucket] = [:]

    /// Stock cloud-init asks some 20 times in a boot.
    package static let burst = 100.0
    package static let perSecond = 20.0
    private static let maximumCount = 10_000

    package init() {}

    /// Whether it may ask now.
    package mutating func admits(_ attachment: ResourceID, at now: ContinuousClock.Instant) -> Bool {
        if buckets.count >= Self.maximumCount {
            // Full ones say nothing.
            buckets = buckets.filter { Self.refill($0.value, now).tokens < Self.burst }
            // So many that ask without an end: they begin anew rather than take the memory.
            if buckets.count >= Self.maximumCount { buckets = [:] }
        }
        var bucket = Self.refill(buckets[attachment] ?? Bucket(tokens: Self.burst, filled: now), now)
        let isAdmitted = bucket.tokens >= 1
        if isAdmitted { bucket.tokens -= 1 }
        buckets[attachment] = bucket
        return isAdmitted
    }

    private static func refill(_ bucket: Bucket, _ now: ContinuousClock.Instant) -> Bucket {
        let passed = bucket.filled.duration(to: now) / .seconds(1)
        return Bucket(tokens: min(burst, bucket.tokens + passed * perSecond), filled: now)
    }
}
