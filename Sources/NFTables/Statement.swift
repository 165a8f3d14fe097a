/// One part of a rule. Statements run in order; one that does not go on ends the rule, and the next rule is tried.
package enum Statement: Hashable, Sendable {
    /// Goes on when the condition holds.
    case match(Match)
    /// Counts packets and bytes.
    case count
    /// Goes on while no more than that passes here; all packets that come to this rule share it.
    case limit(Limit)
    case setMark(UInt32)
    /// The mark becomes what the map has for the key; does not go on when it has nothing.
    case lookUpMark([Field], Identifier)
    /// The key becomes an element of a dynamic set, unless it is one: then its time is not lengthened. Does not go on
    /// when the set is full.
    case add([Field], Identifier, seconds: UInt32? = nil)
    /// As `add`, but an element that is there lives from now on (`seconds`, or else what the set says).
    case update([Field], Identifier, seconds: UInt32? = nil)
    case log(Log)
    /// The verdict beside the field's value; does not go on when no case has it.
    case choose(Field, [Case])
    case verdict(Verdict)

    package struct Case: Hashable, Sendable {
        package var values: [UInt64]
        package var verdict: Verdict
        package init(_ values: UInt64..., verdict: Verdict) {
            self.values = values
            self.verdict = verdict
        }
    }
}

/// What becomes of a packet, or where its way goes on.
package enum Verdict: Hashable, Sendable {
    /// Past all chains of this hook's chain; other tables still see it.
    case accept
    case drop
    /// Back to where the chain was jumped to from; a base chain ends with its policy.
    case `return`
    /// To the chain, and back behind this rule when it ends.
    case jump(Identifier)
    /// To the chain; when that ends, back to where this chain was jumped to from.
    case goto(Identifier)
}

/// A token bucket (net/netfilter/nft_limit.c).
package struct Limit: Hashable, Sendable {
    package enum Unit: UInt32, Hashable, Sendable {
        /// NFT_LIMIT_PKTS
        case packets = 0
        /// NFT_LIMIT_PKT_BYTES
        case bytes = 1
    }
    /// Per second.
    package var rate: UInt64
    /// What may come at once beyond the rate.
    package var burst: UInt32
    package var unit: Unit
    /// Holds beyond the rate (NFT_LIMIT_F_INV) rather than within it.
    package var isOver: Bool

    /// Rate and burst together, in bytes: the kernel counts nanoseconds in 64 bits (nft_limit_init), 147 Gbit/s.
    package static let mostBytes = UInt64.max / 1_000_000_000

    package init(_ rate: UInt64, burst: UInt32, of unit: Unit = .packets, isOver: Bool = false) {
        self.rate = rate
        self.burst = burst
        self.unit = unit
        self.isOver = isOver
    }
}

/// What goes to whoever listens to a group of NFLOG (net/netfilter/nfnetlink_log.c).
package struct Log: Hashable, Sendable {
    package var prefix: Comment
    package var group: UInt16
    /// How many bytes of the packet, from its network header on; the link header goes beside them.
    package var bytes: UInt32

    package init(_ prefix: Comment, group: UInt16, bytes: UInt32) {
        self.prefix = prefix
        self.group = group
        self.bytes = bytes
    }
}

extension Statement {
    var text: String {
        switch self {
        case .match(let match): match.text
        case .count: "counter"
        case .limit(let limit): limit.text
        case .setMark(let mark): "meta mark set 0x\(String(mark, radix: 16))"
        case .lookUpMark(let key, let map): "meta mark set \(key.text) map @\(map)"
        case .add(let key, let set, let seconds): "add @\(set) { \(key.text)\(Self.timeout(seconds)) }"
        case .update(let key, let set, let seconds): "update @\(set) { \(key.text)\(Self.timeout(seconds)) }"
        case .log(let log): "log prefix \"\(log.prefix.text)\" group \(log.group) snaplen \(log.bytes)"
        case .choose(let field, let cases):
            "\(field.text) vmap { "
                + cases.flatMap { entry in
                    entry.values.map { "\(field.text(.number($0))) : \(entry.verdict.text)" }
                }.joined(separator: ", ") + " }"
        case .verdict(let verdict): verdict.text
        }
    }

    private static func timeout(_ seconds: UInt32?) -> String { seconds.map { " timeout \($0)s" } ?? "" }
}

extension Verdict {
    var text: String {
        switch self {
        case .accept: "accept"
        case .drop: "drop"
        case .return: "return"
        case .jump(let chain): "jump \(chain)"
        case .goto(let chain): "goto \(chain)"
        }
    }
}

extension Limit {
    var text: String {
        let over = isOver ? "over " : ""
        return switch unit {
        case .packets: "limit rate \(over)\(rate)/second burst \(burst) packets"
        case .bytes: "limit rate \(over)\(rate) bytes/second burst \(burst) bytes"
        }
    }
}
