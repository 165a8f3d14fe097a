/// Statements that run one after the other for a packet.
package struct Rule: Hashable, Sendable {
    package var statements: [Statement]
    package var comment: Comment?

    package init(_ statements: [Statement], comment: Comment? = nil) {
        self.statements = statements
        self.comment = comment
    }

    /// Conditions that must all hold, and what then happens.
    package init(_ matches: Match..., counted: Bool = false, then verdict: Verdict) {
        self.init(matches.map(Statement.match) + (counted ? [.count] : []) + [.verdict(verdict)])
    }

    /// As nft writes it, on one line.
    package var text: String {
        (statements.map(\.text) + (comment.map { [$0.clause] } ?? [])).joined(separator: " ")
    }
}
