package import Addressing

/// All that the translator of one gateway is to be: its addresses, and where packets come from and go to.
package struct TranslatorSpec: Hashable, Sendable {
    /// Where the IPv4 world appears; a /96.
    package var prefix: IPv6Prefix
    /// The gateway's own IPv4 address; nil when it has none.
    package var own: IPv4Address?
    /// Out of which senders without a mapping get an address each; nil leaves them without a way.
    package var block: IPv4Prefix?
    /// Behind which the way out hides those senders; packets to it that answer nobody end here. nil without a block.
    package var outgoing: IPv4Address?
    /// The way out; nil while there is none.
    package var outer: InterfaceName?
    /// The smallest MTU of the segments, and that of the way out.
    package var ipv6MTU: Int
    package var outerMTU: Int
    package var mappings: [IPv4Address: IPv6Address]
    /// The devices by which guests are told of the prefix, in router advertisements that leave by them (RFC 8781).
    package var announced: Set<InterfaceName>

    package init(
        prefix: IPv6Prefix, own: IPv4Address? = nil, block: IPv4Prefix? = nil, outgoing: IPv4Address? = nil,
        outer: InterfaceName? = nil,
        ipv6MTU: Int, outerMTU: Int, mappings: [IPv4Address: IPv6Address] = [:], announced: Set<InterfaceName> = []
    ) {
        self.prefix = prefix
        self.own = own
        self.block = block
        self.outgoing = outgoing
        self.outer = outer
        self.ipv6MTU = ipv6MTU
        self.outerMTU = outerMTU
        self.mappings = mappings
        self.announced = announced
    }

    /// 240.0.0.0/16: of a class that no network uses (RFC 1112 section 4), so that it never stands for somebody outside.
    /// It never leaves the gateway.
    package static let standardBlock = IPv4Prefix.translatorBlock

    /// What the device that packets are translated on carries: IPv6 packets that fit the way out once they are IPv4.
    package var innerMTU: Int { outerMTU + 20 }
    /// To what the IPv4 stack cuts packets, so that with an IPv6 and a Fragment header they fit the segments.
    package var routeMTU: Int { ipv6MTU - 28 }
    package var routes: Set<IPv4Prefix> {
        var routes = Set(mappings.keys.map(IPv4Prefix.init(host:)))
        if let block { routes.insert(block) }
        // A mapped guest's answers to somebody behind it must not take the short cut past the address translation.
        if let outgoing { routes.insert(IPv4Prefix(host: outgoing)) }
        return routes
    }
}

extension InterfaceName {
    /// The device that packets are translated on.
    package static let translator = constant("nat0")
    /// Its other end, where nothing stays.
    package static let translatorEnd = constant("nat1")

    private static func constant(_ text: StaticString) -> InterfaceName {
        do { return try InterfaceName(text.description) } catch { preconditionFailure("\(error)") }
    }
}
