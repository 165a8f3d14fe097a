/// Statements that run one after the other for a packet.
package struct Rule: Hashable, Sendable {
    package var statements: [Statement]
    package var comment: Comment?

    package init(_ statements: [Statement], comment: Comment? = nil) {
        precondition(!Self.isMisread(statements), "two != of neighbouring fields: \(statements.map(\.text))")
        self.statements = statements
        self.comment = comment
    }

    /// Conditions that must all hold, and what then happens.
    package init(_ matches: Match..., counted: Bool = false, then verdict: Verdict) {
        self.init(matches.map(Statement.match) + (counted ? [.count] : []) + [.verdict(verdict)])
    }

    /// Whether nft would take conditions of it for others: of two `!=` whose fields touch, nft up to 1.0.9 makes one of both
    /// fields, which holds where either differs (payload_do_merge, src/rule.c).
    package static func isMisread(_ statements: [Statement]) -> Bool {
        let places = statements.compactMap { statement -> (base: Payload.Base, bits: Range<Int>)? in
            if case .match(.notEqual(let field, _)) = statement { field.place } else { nil }
        }
        return places.contains { first in
            places.contains { $0.base == first.base && $0.bits.lowerBound == first.bits.upperBound }
        }
    }

    /// As nft writes it, on one line.
    package var text: String {
        (statements.map(\.text) + (comment.map { [$0.clause] } ?? [])).joined(separator: " ")
    }
}
