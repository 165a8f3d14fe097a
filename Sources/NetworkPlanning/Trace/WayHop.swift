package import Addressing
package import NetworkModel
package import Resources

/// One thing that a frame meets: values alone, words are made of it where somebody reads them.
package struct WayHop: Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        /// It cannot begin, or goes no further, for a reason that is in no table.
        case obstacle(WayObstacle)
        /// The port's guard when the guest sends to another port of its segment: `bridge kc` at prerouting.
        case leaves(ResourceID, to: ResourceID, Evaluation)
        /// On one bridge, to a port.
        case bridged(segment: ResourceID, to: ResourceID)
        /// Into the tunnel: `bridge kc` at postrouting of the VXLAN device.
        case tunnelled(segment: ResourceID, to: ResourceID, Evaluation)
        /// Out of it: `inet kc` of the host, then `bridge kc` at prerouting.
        case untunnelled(segment: ResourceID, Evaluation)
        /// The port's guard when it is for the guest: `bridge kc` at postrouting.
        case arrives(ResourceID, Evaluation)
        /// The guest has it.
        case delivered(ResourceID)
        /// The routes of a gateway.
        case routed(gateway: ResourceID, GatewayRouter.Choice)
        /// The filter of a gateway.
        case filtered(gateway: ResourceID, GatewayRouter.Judgement)
        /// From IPv6 to IPv4: the addresses it leaves with.
        case toIPv4(gateway: ResourceID, source: IPv4Address, destination: IPv4Address, isShared: Bool)
        case toIPv6(gateway: ResourceID)
        /// Out of a gateway, to where KC does not know.
        case out(gateway: ResourceID, nextHop: IPv6Address?)
        /// In by a gateway's uplink.
        case `in`(gateway: ResourceID)
    }

    package var isBack: Bool
    /// nil outside of all hosts.
    package var host: ResourceID?
    package var packet: WayPacket
    package var kind: Kind

    package var verdict: Trace.Verdict {
        switch kind {
        case .obstacle(let obstacle): obstacle.isUnknown ? .unknown : .stopped
        case .leaves(_, _, let evaluation), .tunnelled(_, _, let evaluation), .untunnelled(_, let evaluation),
            .arrives(_, let evaluation):
            evaluation.verdict == .accept ? .passes : .stopped
        case .filtered(_, let judgement): judgement.reason == nil ? .passes : .stopped
        case .bridged, .delivered, .routed, .toIPv4, .toIPv6, .out, .in: .passes
        }
    }
}

/// Why a way ends without a rule that ends it.
package enum WayObstacle: Hashable, Sendable {
    /// No host's plan has the attachment: it is bound to none, or that host's plan was not given.
    case unplaced(ResourceID)
    /// Nobody on the segment has the address.
    case nobody(IPv6Address, segment: ResourceID)
    /// The segment has no router.
    case noRouter(segment: ResourceID)
    /// The router is not in the plans that were given.
    case routerUnplaced(segment: ResourceID)
    /// Only the operators' or guests' own router knows how it goes on.
    case foreignRouter(ResourceID)
    /// A link-local or multicast address is never routed.
    case scope
    case noRoute(gateway: ResourceID)
    /// A gateway of the way has no uplink.
    case noUplink(gateway: ResourceID)
    case noIPv4(gateway: ResourceID)
    case noMapping(ResourceID)
    case untranslated(gateway: ResourceID, TranslationDrop)
    /// Of the gateway itself, in the IPv4 world.
    case gatewayIPv4(gateway: ResourceID)
    case tunnel(WayTunnelFault, to: ResourceID)
    /// A tunnel endpoint outside: the host forwards nothing to it from gateways.
    case tunnelEndpoint(gateway: ResourceID)
    /// What is between two gateways is not KC's.
    case between(gateway: ResourceID)
    /// Passes only as an error about a packet of a connection that the gateway knows.
    case relatedOnly(gateway: ResourceID)
    /// An end of a way of IPv4 has no such address.
    case noLegacy(ResourceID)
    /// IPv4 never leaves its segment.
    case legacyScope(segment: ResourceID)
    /// A gateway itself, asked by IPv4.
    case legacyGateway(gateway: ResourceID)
    /// Nothing of it is KC's.
    case bothOutside
    /// The way went round.
    case loop

    package var isUnknown: Bool {
        switch self {
        case .routerUnplaced, .foreignRouter, .gatewayIPv4, .between, .relatedOnly,
            .legacyGateway:
            true
        default: false
        }
    }
}

/// What differs between the plans of the two hosts of a tunnel.
package enum WayTunnelFault: Hashable, Sendable {
    /// The receiver does not know the sender's endpoint.
    case unlistedEndpoint
    case vni, port, group
    /// The sender's plan does not flood the segment to the receiver.
    case notFlooded
}

/// A whole way and what becomes of the frame.
package struct WayPrediction: Hashable, Sendable {
    package var question: WayQuestion
    package var hops: [WayHop]

    /// Stopped as soon as one thing stops it; unknown when something unknown decides.
    package var verdict: Trace.Verdict {
        var verdict = Trace.Verdict.passes
        for hop in hops {
            switch hop.verdict {
            case .stopped: return .stopped
            case .unknown: verdict = .unknown
            case .passes: break
            }
        }
        return verdict
    }
}
