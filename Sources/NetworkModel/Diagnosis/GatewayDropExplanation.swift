/// Why a gateway's firewall dropped a packet, and what to do if it was wanted: by the names of its counters.
package enum GatewayDropExplanation: String, Hashable, Sendable, CaseIterable {
    case spoofed, policy, rate, unknown, invalid, input, connections

    /// What is enforced.
    package var rule: String {
        switch self {
        case .spoofed: "a packet comes from where its source is reached (RFC 3704, strict)"
        case .policy: "what the gateway's policies do not name does not cross the uplink"
        case .rate: "new flows of one source, and the bandwidth of a segment, are limited"
        case .unknown: "addresses that nobody is known to have are looked for 20 times a second (RFC 6583)"
        case .invalid: "a packet belongs to a connection or begins one"
        case .input: "the gateway itself takes ICMPv6, DHCPv6 and DNS of its segments, and ICMPv6 of its uplink"
        case .connections: "a sender without a mapping has a number of connections to the IPv4 world at once"
        }
    }

    package var advice: String {
        switch self {
        case .spoofed: "route the source's prefix to this gateway, or send from an address of the segment"
        case .policy: "allow it: kcnet policy update NAME --add PROTOCOL/PORT, and name the policy in the gateway"
        case .rate: "raise newFlowsPerSource or bandwidthPerSegment in the gateway's limits"
        case .unknown: "nothing has this address; one that is there is known once it has spoken"
        case .invalid: "let both directions go through this gateway"
        case .input: "run the service on an attachment"
        case .connections: "give the sender a mapping: kcnet mapping create"
        }
    }
}
