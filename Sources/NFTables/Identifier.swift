/// The name of a table, chain or set, as written in a program: a letter, then letters, digits, '-' and '_'; at most 63
/// bytes (NFT_NAME_MAXLEN is 256, nftables/libnftables.h leaves it to the kernel).
///
/// Only literals make one, so that nothing that came from outside becomes a name. Keywords of nft ("icmp", "udp",
/// "drop") are not refused here: the structure is fixed, and its test runs nft.
package struct Identifier: Hashable, Comparable, Sendable, CustomStringConvertible, ExpressibleByStringLiteral {
    package let text: String

    package init(stringLiteral text: StaticString) {
        let value = text.description
        precondition(
            (1...63).contains(value.utf8.count) && value.utf8.first.map(Self.isLetter) == true
                && value.utf8.allSatisfy { Self.isLetter($0) || (48...57).contains($0) || $0 == 45 || $0 == 95 },
            "nftables name \(value)")
        self.text = value
    }

    /// Of a value of this target's own enums.
    init(derived text: String) { self.text = text }

    package static func < (left: Identifier, right: Identifier) -> Bool { left.text < right.text }
    package var description: String { text }

    private static func isLetter(_ byte: UInt8) -> Bool { (65...90).contains(byte) || (97...122).contains(byte) }
}

/// Words kept beside a table, chain, set or rule, for people and for the digest: at most 127 bytes
/// (NFTNL_UDATA_COMMENT_MAXLEN, libnftnl/udata.h).
package struct Comment: Hashable, Sendable, ExpressibleByStringLiteral {
    package let text: String

    package init(stringLiteral text: StaticString) {
        let value = text.description
        precondition(
            (1...127).contains(value.utf8.count) && value.utf8.allSatisfy { $0 >= 32 && $0 < 127 && $0 != 34 },
            "nftables comment \(value)")
        self.text = value
    }

    init(derived text: String) { self.text = text }

    init(digest: String) { text = Ruleset.commentPrefix + digest }

    /// ` comment "…"` or `comment "…"`, as a clause of its own.
    var clause: String { "comment \"\(text)\"" }
}
