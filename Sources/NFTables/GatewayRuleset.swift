package import Addressing

/// The one table inside a managed gateway's namespace, `inet kc`: what may come to the router itself, what it forwards
/// between its segments and its uplink, and how much.
///
/// Closed: what no rule names is dropped and counted. Connections are tracked by the kernel's conntrack, which is the
/// namespace's own. Who may be looked for by Neighbor Discovery at any rate is a set (`known`, elements by the agent), so
/// that an address more costs no new structure.
package struct GatewayRuleset: Hashable, Sendable {
    package struct Segment: Hashable, Sendable, Comparable {
        package var interface: InterfaceName
        package var prefix: IPv6Prefix

        package init(interface: InterfaceName, prefix: IPv6Prefix) {
            self.interface = interface
            self.prefix = prefix
        }

        package static func < (left: Segment, right: Segment) -> Bool { left.interface < right.interface }
    }

    /// An address of the gateway's on one of its segments.
    package struct ServiceAddress: Hashable, Sendable, Comparable {
        package var interface: InterfaceName
        package var address: IPv6Address

        package init(interface: InterfaceName, address: IPv6Address) {
            self.interface = interface
            self.address = address
        }

        package static func < (left: ServiceAddress, right: ServiceAddress) -> Bool {
            (left.interface, left.address) < (right.interface, right.address)
        }
    }

    /// What one rule of a policy lets through.
    package struct Rule: Hashable, Sendable {
        /// IANA's number; nil for any.
        package var transport: UInt8?
        /// Destination ports; empty for all.
        package var ports: [ClosedRange<UInt16>]
        /// ICMPv6 types; empty for all.
        package var types: [UInt8]
        /// The other side, disjoint; nil for anyone, never empty.
        package var peers: [IPv6Prefix]?
        /// Flows a second.
        package var rate: UInt32?

        package init(
            transport: UInt8? = nil, ports: [ClosedRange<UInt16>] = [], types: [UInt8] = [],
            peers: [IPv6Prefix]? = nil, rate: UInt32? = nil
        ) {
            self.transport = transport
            self.ports = ports
            self.types = types
            self.peers = peers
            self.rate = rate
        }
    }

    package var segments: [Segment]
    /// What may begin from outside; nil: everything.
    package var ingress: [Rule]?
    /// What may begin towards outside; nil: everything.
    package var egress: [Rule]?
    package var newFlowsPerSource: UInt64
    /// Bits a second; nil: no limit.
    package var bandwidthPerSegment: UInt64?
    /// Behind which senders of the translator's block reach the IPv4 world; nil when none do.
    package var outgoing: IPv4Address?
    /// TCP ports that guests reach the gateway at, by its link-local addresses and `serviceAddresses`; each once.
    package var servicePorts: [UInt16]
    /// Its addresses with a wider scope that services are reached at, each on its own segment alone: by the one of another
    /// segment a guest would be taken for one of that.
    package var serviceAddresses: [ServiceAddress]
    /// Whether some segment has IPv4: then guests reach the gateway by echoes, and its DHCP server. None is ever forwarded.
    package var hasIPv4: Bool

    package init(
        segments: [Segment], ingress: [Rule]? = nil, egress: [Rule]? = nil, newFlowsPerSource: UInt64,
        bandwidthPerSegment: UInt64? = nil, outgoing: IPv4Address? = nil, servicePorts: [UInt16] = [],
        serviceAddresses: [ServiceAddress] = [], hasIPv4: Bool = false
    ) {
        self.hasIPv4 = hasIPv4
        self.outgoing = outgoing
        self.servicePorts = servicePorts
        self.serviceAddresses = serviceAddresses
        self.segments = segments
        self.ingress = ingress
        self.egress = egress
        self.newFlowsPerSource = newFlowsPerSource
        self.bandwidthPerSegment = bandwidthPerSegment
    }

    package static let table: Identifier = "kc"
    /// The set of addresses that may be looked for at any rate.
    package static let known: Identifier = "known"

    /// Why a packet was dropped; each has a counter `drop-<reason>`.
    package enum Reason: String, Hashable, Sendable, CaseIterable {
        /// Its source is not reached by the interface that it came in by (RFC 3704, strict).
        case spoofed
        /// No policy lets it through, or it is no traffic of this gateway.
        case policy
        case rate
        /// To an address of a segment that nobody is known to have, faster than those may be looked for (RFC 6583).
        case unknownDestination = "unknown"
        /// Belongs to no connection and begins none.
        case invalid
        /// To the gateway itself, and none of its services.
        case input
        /// Its sender, without a mapping, has as many connections to the IPv4 world as one may have.
        case connections

        package var counter: String { "drop-\(rawValue)" }
    }

    /// How many unknown addresses are looked for a second: each costs an entry of the kernel's one neighbour table for
    /// the three seconds until nobody has answered.
    static let unknownPerSecond = 20

    /// The structure with its digest; equal values give equal text.
    package var ruleset: Ruleset {
        let digest = FNV1a(of: body).hex
        return Ruleset(
            text: """
                table inet \(Self.table)
                delete table inet \(Self.table)
                table inet \(Self.table) {
                \tcomment "\(Ruleset.commentPrefix)\(digest)"
                \(body)}

                """, digest: digest)
    }

    /// The command that puts addresses into the known set, or takes them out.
    package static func change(add: Bool, _ addresses: [IPv6Address]) -> String {
        guard !addresses.isEmpty else { return "" }
        return "\(add ? "add" : "delete") element inet \(table) \(known) { "
            + addresses.map(\.description).joined(separator: ", ") + " }\n"
    }
}
