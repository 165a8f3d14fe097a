package import Addressing
package import Resources

/// What the hosts at both ends of a way are told to measure. It holds the nonce: it goes to the agents of these hosts and
/// nowhere else, and no reader of a probe gets it.
package struct PathTask: Hashable, Sendable {
    package var nonce: ProbeNonce
    package var flow: PathFlow
    /// The segment that both ends are on; nil between hosts.
    package var segment: ResourceID?
    package var from: PathEnd
    package var to: PathEnd
    /// What `to` is a port of, when the way goes on through it.
    package var gateway: PathGateway?
    /// What is looked at beside all else. Agents of earlier formats are not told, and leave it out.
    package var extras: Set<PathExtra>
    /// Who resolves names for guests of the segment; nil: no question about names is put.
    package var resolver: PathResolver?

    package init(
        nonce: ProbeNonce, flow: PathFlow, segment: ResourceID?, from: PathEnd, to: PathEnd,
        gateway: PathGateway? = nil, extras: Set<PathExtra> = [], resolver: PathResolver? = nil
    ) {
        self.extras = extras
        self.resolver = resolver
        self.gateway = gateway
        self.nonce = nonce
        self.flow = flow
        self.segment = segment
        self.from = from
        self.to = to
    }

    /// Without what separates the hosts: both ends are on one.
    package var isLocal: Bool { from.host == to.host }
}

/// A part of a measurement that not every agent knows.
package enum PathExtra: String, Choice {
    /// Segments of TCP whose checksum and size are left to devices.
    case segments
    /// Router advertisements at the guests' ports.
    case routers
    /// The time by the host's clock.
    case time
    /// What lies between the ports: flags of bridge ports, next hops of the underlay, where marked frames enter and leave
    /// the tunnel, solicitations from port to port, and what guards and translators lack.
    case closerLook = "closer-look"
}

/// Who resolves names for the guests of a segment.
package struct PathResolver: Hashable, Sendable {
    package var address: IPv6Address
    /// Of the gateway in the segment, through which it is reached.
    package var router: MACAddress

    package init(address: IPv6Address, router: MACAddress) {
        self.address = address
        self.router = router
    }
}

/// One end of a way: a host, or an attachment bound to one.
package struct PathEnd: Hashable, Sendable {
    /// An attachment of the segment.
    package struct Guest: Hashable, Sendable {
        package var attachment: ResourceID
        package var mac: MACAddress
        /// What it is reached by: its own or, when nobody knows one, the link-local one of its MAC.
        package var address: IPv6Address

        package init(attachment: ResourceID, mac: MACAddress, address: IPv6Address) {
            self.attachment = attachment
            self.mac = mac
            self.address = address
        }
    }

    package var host: ResourceID
    package var vtep: IPv6Address
    /// nil: the host itself.
    package var guest: Guest?

    package init(host: ResourceID, vtep: IPv6Address, guest: Guest? = nil) {
        self.host = host
        self.vtep = vtep
        self.guest = guest
    }
}

/// 128 random bits by which the frames of one probe are told from all others. Whoever does not know it can neither make
/// one nor count one.
package struct ProbeNonce: Hashable, Sendable {
    package var high: UInt64
    package var low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Another one, for the echoes that go on through a gateway: at its port they are to pass.
    package var beyond: ProbeNonce { ProbeNonce(high: low, low: high) }

    /// 16, most significant first.
    package var bytes: [UInt8] {
        [high, low].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * $0)) } }
    }
}

/// What is asked about: the packets that shall arrive.
package enum PathFlow: Hashable, Sendable {
    /// Echo requests.
    case echo
    /// Connections to a port.
    case tcp(UInt16)
    case udp(UInt16)

    package static let rule = "must be icmpv6, tcp/PORT or udp/PORT"

    /// "icmpv6", "tcp/443".
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        switch (parts[0], parts.count) {
        case ("icmpv6", 1): self = .echo
        case ("tcp", 2), ("udp", 2):
            guard let port = UInt16(parts[1]), port > 0 else { return nil }
            self = parts[0] == "tcp" ? .tcp(port) : .udp(port)
        default: return nil
        }
    }
}

extension PathFlow: CustomStringConvertible {
    package var description: String {
        switch self {
        case .echo: "icmpv6"
        case .tcp(let port): "tcp/\(port)"
        case .udp(let port): "udp/\(port)"
        }
    }
}
