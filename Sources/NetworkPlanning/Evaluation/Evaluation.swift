package import NFTables

/// What the chains of one hook did with a frame.
package struct Evaluation: Hashable, Sendable {
    package enum Verdict: String, Hashable, Sendable {
        case accept
        case drop
    }

    package var verdict: Verdict
    /// skb->mark afterwards.
    package var mark: UInt32
    /// Which rule decided; nil when no chain is at the hook.
    package var decidedBy: Place?
    /// The prefix of what the frame's way logged last, before the chain that decided ended.
    package var logged: Log?
    /// What became of dynamic sets, in order.
    package var changes: [Change]
    /// The rules that decided where the frame went on, and what they looked up; empty unless recorded.
    package var trail = Trail()

    package init(verdict: Verdict = .accept, mark: UInt32 = 0) {
        self.verdict = verdict
        self.mark = mark
        changes = []
    }

    /// A rule in the table; rule nil is the policy of a base chain.
    package struct Place: Hashable, Sendable, CustomStringConvertible {
        package var chain: Identifier
        /// From 0, in the order of ``Chain/rules``.
        package var rule: Int?

        package init(_ chain: Identifier, rule: Int?) {
            self.chain = chain
            self.rule = rule
        }

        package var description: String { rule.map { "\(chain) rule \($0 + 1)" } ?? "\(chain) policy" }
    }

    /// What was met on the way, in order.
    package struct Trail: Hashable, Sendable {
        /// Rules that ended with a verdict, jumps included.
        package var rules: [Place] = []
        /// Looks into sets that found nothing.
        package var missed: [Look] = []

        package init() {}
    }

    /// One look into a set.
    package struct Look: Hashable, Sendable {
        package var place: Place
        package var set: Identifier
        package var key: ElementKey
    }

    /// One element of a dynamic set that a rule touched.
    package struct Change: Hashable, Sendable {
        package enum Kind: String, Hashable, Sendable {
            /// It is there from now on.
            case added
            /// It was there; its time begins anew where the rule says so, and its counter counts.
            case refreshed
            /// It was not there and there was no room: the rule ended.
            case refused
        }
        package var kind: Kind
        package var set: Identifier
        package var key: ElementKey
    }
}
