package import Addressing
package import NodePorts

/// An address that a guest wants to use, as a logged frame shows it.
package struct Claim: Hashable, Sendable {
    /// The port that the frame came in by.
    package var port: InterfaceName
    package var address: IPv6Address
    package var kind: Kind

    package enum Kind: Hashable, Sendable {
        /// Duplicate address detection: the guest waits for an objection.
        case detection
        /// The same, for an address that the rules know to be another's, or to be claimed by another right now. It was
        /// dropped: whoever has the address must not take the question for a claim of its own kind and give it up.
        case contested
        /// A frame was sent from it.
        case use
    }

    /// The words by which the rules log a contested detection.
    static let contestedPrefix = "held"

    package init(port: InterfaceName, address: IPv6Address, kind: Kind) {
        self.port = port
        self.address = address
        self.kind = kind
    }

    /// A neighbour solicitation without a source claims its target (duplicate address detection, RFC 4862 section
    /// 5.4.2); any other frame claims its source.
    /// - Returns: nil for a frame that claims nothing. The rules log only well-formed ones; what else comes is passed
    ///   over.
    package init?(_ frame: LoggedFrame) {
        guard let port = frame.source else { return nil }
        let bytes = frame.bytes
        // Ethernet 14 bytes, IPv6 40 (RFC 8200 section 3).
        guard bytes.count >= 54, bytes[12] == 0x86, bytes[13] == 0xdd, bytes[14] >> 4 == 6,
            let source = IPv6Address(bytes: bytes[22..<38])
        else { return nil }
        guard source.isUnspecified else {
            self.init(port: port, address: source, kind: .use)
            return
        }
        // Next header ICMPv6, type 135, then 4 reserved bytes and the target (RFC 4861 section 4.3).
        guard bytes.count >= 78, bytes[20] == 58, bytes[54] == 135, let target = IPv6Address(bytes: bytes[62..<78])
        else { return nil }
        self.init(
            port: port, address: target, kind: frame.prefix == Self.contestedPrefix ? .contested : .detection)
    }
}

/// Claims that wait for the next turn: each once, in the order they came, and no more than a flood may cost.
struct ClaimQueue: Sendable {
    private(set) var list: [Claim] = []
    private var waiting: Set<Claim> = []
    /// Those that found no room.
    private(set) var lost = 0
    /// When the first of them was heard.
    private(set) var since: ContinuousClock.Instant?

    static let limit = 4096

    var isEmpty: Bool { list.isEmpty && lost == 0 }

    mutating func add(_ claim: Claim, at now: ContinuousClock.Instant) {
        guard !waiting.contains(claim) else { return }
        guard list.count < Self.limit else {
            lost += 1
            return
        }
        since = since ?? now
        waiting.insert(claim)
        list.append(claim)
    }

    mutating func lose(_ count: Int) { lost += count }
}
