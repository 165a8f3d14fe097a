package import Addressing

/// A route of the main table that KC has made, or is to make.
package struct Route: Hashable, Sendable {
    package enum Target: Hashable, Sendable {
        case via(IPv6Address, InterfaceName)
        /// Answered with an ICMPv6 error, of the last metric there is: what takes over where the way that should be there
        /// is not, so that no packet goes back to where it came from by a default route.
        case unreachable
    }

    /// An IPv4 prefix is there in its mapped form (::ffff:a.b.c.d, length + 96), with a next hop in the same form.
    package var destination: IPv6Prefix
    package var target: Target

    package init(_ destination: IPv6Prefix, _ target: Target) {
        self.destination = destination
        self.target = target
    }

    /// The device it leads through; nil when it leads nowhere.
    package var device: InterfaceName? { if case .via(_, let name) = target { name } else { nil } }

    /// RTA_PROTOCOL of KC's routes ('k'; linux/rtnetlink.h gives out numbers below 200, and not this one): which are ours.
    package static let `protocol`: UInt8 = 0x6b
    /// RTA_PRIORITY of unreachable ones: behind whatever else leads there.
    package static let lastMetric: UInt32 = .max - 1
    /// ::/0.
    package static let everywhere = IPv6Prefix(containing: .unspecified, length: 0)
    /// 0.0.0.0/0.
    package static let everywhereInIPv4 = IPv6Prefix(
        containing: IPv6Address(high: 0, low: 0xffff_0000_0000), length: 96)
}

extension Route: Comparable {
    package static func < (left: Route, right: Route) -> Bool {
        (left.destination, left.target.order) < (right.destination, right.target.order)
    }
}

extension Route.Target {
    fileprivate var order: String {
        switch self {
        case .via(let address, let interface): "\(interface) \(address)"
        case .unreachable: ""
        }
    }
}

extension Route: CustomStringConvertible {
    package var description: String {
        switch target {
        case .via(let address, let interface): "\(destination) via \(address) dev \(interface)"
        case .unreachable: "unreachable \(destination)"
        }
    }
}

/// What the packet filter inside a gateway's namespace holds.
package struct ObservedFirewall: Hashable, Sendable {
    /// Of the structure in the kernel; nil when there is none of ours.
    package var digest: String?
    /// The addresses that may be looked for at any rate.
    package var known: Set<IPv6Address>

    package init(digest: String? = nil, known: Set<IPv6Address> = []) {
        self.digest = digest
        self.known = known
    }
}
