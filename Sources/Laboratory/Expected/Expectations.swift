package import Addressing
package import NetworkModel
package import Resources

/// What must be true once `desired/` is applied, as an engineer writes it in `expected/*.yaml` (docs/topology.md).
///
/// It is a whole: a segment, device or namespace of KC on a host that nothing here accounts for is a discrepancy.
package struct Expectations: Hashable, Sendable {
    /// How long all of it may take to become true.
    package var within: Duration
    package var hosts: [ExpectedHost]
    package var segments: [ExpectedSegment]
    package var attachments: [ExpectedAttachment]
    package var gateways: [ExpectedGateway]
    package var pings: [ExpectedPing]

    /// Until a guest has configured itself from a router advertisement, on a busy machine.
    package static let standardTime = Duration.seconds(60)

    package init(
        within: Duration = Self.standardTime, hosts: [ExpectedHost] = [], segments: [ExpectedSegment] = [],
        attachments: [ExpectedAttachment] = [], gateways: [ExpectedGateway] = [], pings: [ExpectedPing] = []
    ) {
        self.within = within
        self.hosts = hosts
        self.segments = segments
        self.attachments = attachments
        self.gateways = gateways
        self.pings = pings
    }

    /// Several files together are one statement; the longest time holds.
    package mutating func formUnion(_ other: Expectations) {
        within = max(within, other.within)
        hosts += other.hosts
        segments += other.segments
        attachments += other.attachments
        gateways += other.gateways
        pings += other.pings
    }
}

package struct ExpectedHost: Hashable, Sendable {
    package var name: Name
    /// `up`, `down` or `never-seen`, as the API says it.
    package var phase: String
}

package struct ExpectedSegment: Hashable, Sendable {
    package var name: Name
    package var project: Name
    package var replication: Replication
    package var mtu: MTU
    /// Exactly those that carry its devices.
    package var hosts: [Name]
}

package struct ExpectedAttachment: Hashable, Sendable {
    package var name: Name
    package var project: Name
    package var host: Name
    package var phase: Report.Phase
    /// At least so many addresses inside the segment's /64, learned on the port.
    package var learned: Int
    /// A part of the status' message; nil demands none.
    package var message: String?
}

package struct ExpectedGateway: Hashable, Sendable {
    package var name: Name
    package var project: Name
    package var host: Name
    package var phase: Report.Phase
}

package struct ExpectedPing: Hashable, Sendable {
    package enum Target: Hashable, Sendable {
        case guest(GuestPlace)
        case address(IPv6Address)
    }
    package var from: GuestPlace
    package var to: Target
    /// The whole IPv6 packet in bytes, sent without fragmentation; nil = ping's own small one.
    package var size: Int?
    /// false: there must be silence.
    package var replies: Bool
}

/// `HOST/GUEST`: a namespace inside a host.
package struct GuestPlace: Hashable, Sendable, CustomStringConvertible {
    package var host: Name
    package var guest: NamespaceName

    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let host = Name(parts[0]), let guest = NamespaceName(parts[1]) else { return nil }
        self.host = host
        self.guest = guest
    }

    package var description: String { "\(host)/\(guest)" }
}
