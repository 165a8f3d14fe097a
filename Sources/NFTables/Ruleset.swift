/// A whole nftables table as text plus what identifies it. Built only from typed values by this target's renderers:
/// no caller passes text into a ruleset.
package struct Ruleset: Hashable, Sendable {
    /// The text that replaces our tables in one transaction (`table …; delete table …; table … { … }`).
    package let text: String
    /// Changes whenever `text` changes; written into the table as its comment-like marker so that an agent can tell
    /// from a listing which structure the kernel has.
    package let digest: String

    package init(text: String, digest: String) {
        self.text = text
        self.digest = digest
    }
}
