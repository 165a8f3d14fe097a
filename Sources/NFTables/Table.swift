/// One nftables table with all that is in it.
package struct Table: Hashable, Sendable {
    /// The families KC has tables in (NFPROTO_*, linux/netfilter.h).
    package enum Family: String, Hashable, Sendable, CaseIterable {
        /// NFPROTO_BRIDGE: frames crossing a bridge.
        case bridge
        /// NFPROTO_INET: IPv4 and IPv6 packets of the namespace itself.
        case inet
    }

    package var family: Family
    package var name: Identifier
    package var sets: [NamedSet]
    package var chains: [Chain]

    package init(_ family: Family, _ name: Identifier, sets: [NamedSet] = [], chains: [Chain] = []) {
        self.family = family
        self.name = name
        self.sets = sets
        self.chains = chains
    }

    /// `bridge kc`: how commands name it.
    package var reference: String { "\(family.rawValue) \(name)" }

    /// The block that makes it. Chains without a hook come first: a jump must find its chain.
    func text(comment: Comment?) -> String {
        var lines: [String] = []
        if let comment { lines.append(comment.clause) }
        lines += sets.flatMap(\.lines)
        lines += chains.filter { $0.hook == nil }.flatMap(\.lines)
        lines += chains.filter { $0.hook != nil }.flatMap(\.lines)
        return "table \(reference) {\n" + lines.map { "\t\($0)\n" }.joined() + "}\n"
    }
}
