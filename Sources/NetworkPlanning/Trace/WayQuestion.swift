package import Addressing
package import NetworkModel
package import Resources

/// A frame whose way is to be predicted, and its answer.
package struct WayQuestion: Hashable, Sendable {
    package enum End: Hashable, Sendable {
        /// An attachment, and which address of its guest.
        case attachment(ResourceID, IPv6Address)
        /// Beyond the gateways.
        case outside(IPv6Address)
        case outsideIPv4(IPv4Address)

        package var attachment: ResourceID? { if case .attachment(let id, _) = self { id } else { nil } }
    }

    package var from: End
    package var to: End
    package var flow: TraceFlow
    /// Of TCP and UDP.
    package var fromPort: UInt16

    package init(
        from: End, to: End, flow: TraceFlow, fromPort: UInt16 = TraceFlow.standardFromPort
    ) {
        self.from = from
        self.to = to
        self.flow = flow
        self.fromPort = fromPort
    }

    /// It is about IPv4 inside a segment: the flow is of IPv4, or an address is.
    package var isIPv4: Bool {
        if case .icmp = flow { return true }
        return [from, to].contains { end in
            switch end {
            case .attachment(_, let address), .outside(let address): address.isIPv4Mapped
            case .outsideIPv4: false
            }
        }
    }

    /// Where somebody outside is who is not named: of a prefix that is never routed (RFC 9637).
    package static let somebodyOutside = IPv6Address(high: 0x3fff << 48, low: 1)
}
