/// A list of rules, run by a hook of the kernel or by a jump.
package struct Chain: Hashable, Sendable {
    package var name: Identifier
    /// Where the kernel runs it; nil for a chain that only jumps reach.
    package var hook: Hook?
    package var comment: Comment?
    package var rules: [Rule]

    package init(_ name: Identifier, hook: Hook? = nil, comment: Comment? = nil, rules: [Rule]) {
        self.name = name
        self.hook = hook
        self.comment = comment
        self.rules = rules
    }

    var lines: [String] {
        ["chain \(name) {"]
            + (comment.map { ["\t\($0.clause)"] } ?? [])
            + (hook.map { ["\t\($0.text)"] } ?? [])
            + rules.map { "\t\($0.text)" } + ["}"]
    }
}

/// Where and when a base chain runs (`type filter`).
package struct Hook: Hashable, Sendable {
    /// NF_BR_* (linux/netfilter_bridge.h) and NF_INET_* (linux/netfilter.h) have the same five.
    package enum Point: String, Hashable, Sendable {
        case prerouting
        case input
        case forward
        case output
        case postrouting
    }
    package enum Policy: String, Hashable, Sendable {
        case accept
        case drop
    }

    package var point: Point
    /// Lower runs earlier (NF_BR_PRI_*, NF_IP6_PRI_*).
    package var priority: Int32
    package var policy: Policy

    package init(_ point: Point, priority: Int32, policy: Policy = .accept) {
        self.point = point
        self.priority = priority
        self.policy = policy
    }

    var text: String {
        "type filter hook \(point.rawValue) priority \(priority); policy \(policy.rawValue);"
    }
}
