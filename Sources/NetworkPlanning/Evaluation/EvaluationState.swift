package import NFTables

/// What changes while packets pass: elements that packets put into dynamic sets, and how full the buckets of limits are.
package struct EvaluationState: Hashable, Sendable {
    /// Of each dynamic set.
    package var elements: [Identifier: [ElementKey: DynamicElement]] = [:]
    /// Buckets of limits that a packet has come to; all others are full.
    package internal(set) var buckets: [BucketPlace: Bucket] = [:]

    package init() {}

    package struct DynamicElement: Hashable, Sendable {
        /// Nanoseconds; nil for ever.
        package var expires: UInt64?
        /// Packets that came to the rule with this key, where the set counts.
        package var packets: UInt64

        package init(expires: UInt64?, packets: UInt64 = 0) {
            self.expires = expires
            self.packets = packets
        }

        func isAlive(_ now: UInt64) -> Bool { expires.map { now < $0 } ?? true }
    }

    /// Where a limit stands.
    package enum BucketPlace: Hashable, Sendable {
        case rule(Evaluation.Place, statement: Int)
        case element(Identifier, ElementKey)
    }

    /// A token bucket as net/netfilter/nft_limit.c has it: tokens are nanoseconds.
    package struct Bucket: Hashable, Sendable {
        var tokens: UInt64
        var last: UInt64

        /// Whether the expression lets the rule go on.
        /// - Parameter length: of the packet from its network header, for limits of bytes (skb->len).
        static func goesOn(_ bucket: inout Bucket?, _ limit: Limit, length: Int, now: UInt64) -> Bool {
            let second: UInt64 = 1_000_000_000
            let rate = max(1, limit.rate)
            let (capacity, cost): (UInt64, UInt64) =
                switch limit.unit {
                // NFT_LIMIT_PKT_BURST_DEFAULT
                case .packets: (second / rate &* UInt64(limit.burst == 0 ? 5 : limit.burst), second / rate)
                case .bytes:
                    (second &* (rate &+ UInt64(limit.burst)) / rate, second &* UInt64(length) / rate)
                }
            let before = bucket ?? Bucket(tokens: capacity, last: now)
            let tokens = min(capacity, before.tokens &+ (now &- before.last))
            let isWithin = tokens >= cost
            bucket = Bucket(tokens: isWithin ? tokens - cost : tokens, last: now)
            return isWithin != limit.isOver
        }
    }

    /// Takes what has run out of its time away, as the kernel's collector does some time later.
    package mutating func collect(now: UInt64) {
        for set in elements.keys { elements[set] = elements[set]?.filter { $0.value.isAlive(now) } }
    }
}
