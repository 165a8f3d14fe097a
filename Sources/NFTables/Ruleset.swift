/// A whole nftables structure as text plus what identifies it. Built only from typed values by this target's renderers:
/// no caller passes text into a ruleset.
package struct Ruleset: Hashable, Sendable {
    /// The text that replaces our tables in one transaction (`table …; delete table …; table … { … }`).
    package let text: String
    /// Changes whenever `text` changes; each table carries it as its comment, so that an agent can tell from a listing
    /// of tables which structure the kernel has.
    package let digest: String

    package init(text: String, digest: String) {
        self.text = text
        self.digest = digest
    }
}

extension Ruleset {
    /// What stands before the digest in a table's comment.
    package static let commentPrefix = "kc:"

    /// Renders tables and marks each with the digest of all.
    package init(_ tables: [Table]) {
        let digest = FNV1a(of: tables.map { $0.text(comment: nil) }.joined()).hex
        let comment = Comment(digest: digest)
        self.init(
            text: tables.map { table in
                // Adding first makes the deletion succeed when there is no such table: a replacement is idempotent.
                """
                table \(table.reference)
                delete table \(table.reference)
                \(table.text(comment: comment))
                """
            }.joined(),
            digest: digest)
    }

    /// The text of a replacement whose sets hold these elements from the first instant: one transaction.
    package func text(with elements: [Elements]) -> String {
        text + elements.filter { !$0.values.isEmpty }.map(\.text).joined()
    }
}
