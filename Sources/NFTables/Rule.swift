/// Conditions that must all hold, and what then happens.
package struct Rule: Hashable, Sendable {
    package enum Verdict: Hashable, Sendable {
        case accept
        case drop
        case `return`
        case jump(Identifier)
    }

    package var matches: [Match]
    /// Whether packets and bytes that reach the verdict are counted.
    package var isCounted: Bool
    package var verdict: Verdict
    package var comment: Comment?

    package init(_ matches: [Match], counted: Bool = false, _ verdict: Verdict, comment: Comment? = nil) {
        self.matches = matches
        self.isCounted = counted
        self.verdict = verdict
        self.comment = comment
    }

    var text: String {
        (matches.map(\.text) + (isCounted ? ["counter"] : []) + [verdict.text] + (comment.map { [$0.clause] } ?? []))
            .joined(separator: " ")
    }
}

extension Rule.Verdict {
    var text: String {
        switch self {
        case .accept: "accept"
        case .drop: "drop"
        case .return: "return"
        case .jump(let chain): "jump \(chain)"
        }
    }
}
