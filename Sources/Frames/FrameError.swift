/// Why bytes are not a frame that ``EthernetFrame/init(parsing:)`` takes: where, in which header, and what is wrong.
package struct FrameError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The header that was being read.
    package enum Part: String, Hashable, Sendable {
        case ethernet = "Ethernet header"
        case vlanTag = "VLAN tag"
        case llc = "LLC header"
        case ipv6 = "IPv6 header"
        case headerOptions = "options header"
        case routing = "Routing header"
        case fragment = "Fragment header"
        case authentication = "Authentication header"
        case icmpv6 = "ICMPv6 message"
        case ndOption = "Neighbour Discovery option"
        case mldRecord = "MLD record"
        case udp = "UDP header"
        case tcp = "TCP header"
        case dhcpv6 = "DHCPv6 header"
        case vxlan = "VXLAN header"
    }

    package enum Problem: Hashable, Sendable {
        /// The bytes end before the header does.
        case truncated(needed: Int, left: Int)
        /// A length field says more, or less, than there can be.
        case length(field: Int, room: Int)
        /// The IP version is not 6.
        case version(UInt8)
        /// A field has a value that its RFC forbids and that would change what follows.
        case value(Int)
    }

    package var part: Part
    package var problem: Problem
    /// Of the field, in bytes from the first of the frame.
    package var offset: Int

    package init(_ part: Part, _ problem: Problem, at offset: Int) {
        self.part = part
        self.problem = problem
        self.offset = offset
    }

    package var description: String {
        switch problem {
        case .truncated(let needed, let left):
            "the \(part.rawValue) needs \(needed) bytes at byte \(offset), \(left) are left"
        case .length(let field, let room):
            "the \(part.rawValue) says \(field) bytes at byte \(offset), there is room for \(room)"
        case .version(let version): "the \(part.rawValue) at byte \(offset) has version \(version)"
        case .value(let value): "the \(part.rawValue) has the forbidden value \(value) at byte \(offset)"
        }
    }
}
