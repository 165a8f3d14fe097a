/// A set or map that rules look up and whose elements come and go without touching a rule.
package struct NamedSet: Hashable, Sendable {
    /// What an element carries beside its key. Never a verdict: as long as a table has a map to verdicts, each change of
    /// anything makes the kernel walk all of that map's elements in search of loops (nft_chain_validate).
    package enum Value: String, Hashable, Sendable {
        /// Nothing: a set.
        case none
        case mark = "meta mark"
    }

    /// Who puts elements in.
    package enum Filling: Hashable, Sendable {
        /// The agent.
        case byAgent
        /// Rules, as packets come; an element lives so long unless the rule says otherwise, or for ever.
        case byPackets(seconds: UInt32?, size: UInt32, counted: Bool = false)
    }

    package var name: Identifier
    /// At most five, and four where raw payload is among them: nft 1.0.6 cannot list a concatenation of more.
    package var key: [Field]
    package var value: Value
    /// Whether elements are boxes, each part from one value to another; they must not overlap (net/netfilter/
    /// nft_set_pipapo.c refuses with ENOTEMPTY or EEXIST).
    package var isInterval: Bool
    package var filling: Filling
    /// Whether each element carries a limit of its own, and the unit of all.
    package var limited: Limit.Unit?
    package var comment: Comment?

    package init(
        _ name: Identifier, of key: [Field], value: Value = .none, interval: Bool = false,
        filling: Filling = .byAgent, limited: Limit.Unit? = nil, comment: Comment? = nil
    ) {
        precondition((1...5).contains(key.count), "key of set \(name)")
        precondition(key.reduce(0) { $0 + $1.paddedCount } <= ElementKey.capacity, "length of the key of set \(name)")
        self.name = name
        self.key = key
        self.value = value
        self.isInterval = interval
        self.filling = filling
        self.limited = limited
        self.comment = comment
    }

    /// Whether packets fill it.
    package var isDynamic: Bool { filling != .byAgent }

    /// Of all parts.
    package var keyLength: Int { key.reduce(0) { $0 + $1.paddedCount } }

    var lines: [String] {
        var lines = [
            value == .none ? "set \(name) {" : "map \(name) {",
            "\ttypeof \(key.text)" + (value == .none ? "" : " : \(value.rawValue)"),
        ]
        var flags = isInterval ? ["interval"] : []
        if case .byPackets(let seconds, let size, let isCounted) = filling {
            lines.append("\tsize \(size)")
            flags.append("dynamic")
            if let seconds {
                flags.append("timeout")
                lines.append("\ttimeout \(seconds)s")
            }
            if isCounted { lines.append("\tcounter") }
        }
        if !flags.isEmpty { lines.append("\tflags \(flags.joined(separator: ","))") }
        // Elements say their own; the kernel wants to be told that they may.
        if let limited {
            lines.append("\tlimit rate over 1\(limited == .bytes ? " bytes" : "")/second")
        }
        if let comment { lines.append("\t\(comment.clause)") }
        return lines + ["}"]
    }
}
