/// Why a frame was dropped, as operators read it: the guard counts and logs each under its own name, per port.
package enum DropReason: String, Hashable, Sendable, CaseIterable {
    /// The port has no elements: it is not ready, or going away.
    case notReady = "not-ready"
    /// The source MAC is not the attachment's.
    case spoofedMAC = "spoofed-mac"
    /// The IPv6 source is not the attachment's and could not become so.
    case spoofedIP = "spoofed-ip"
    /// The IPv6 source could become the attachment's, but is not yet: the agent hears of it. To a router: nobody has the
    /// destination, which is of its own segment.
    case unlearnedIP = "unlearned-ip"
    /// A neighbour discovery message that speaks for somebody else, or is not as RFC 4861 wants it.
    case foreignND = "foreign-nd"
    /// A router advertisement from a port that is no gateway.
    case rogueRA = "rogue-ra"
    /// A DHCPv6 server's message from a port that is no gateway.
    case rogueDHCP = "rogue-dhcp"
    /// A multicast listener query from a port that is no gateway.
    case rogueMLD = "rogue-mld"
    /// An ICMPv6 redirect from a port that is no gateway.
    case redirect
    /// An ICMPv6 type that guests have no use for, or an error about a packet that its sender cannot have got.
    case icmpType = "icmp-type"
    /// A next header or a chain of headers that is not on the list.
    case headerChain = "header-chain"
    /// A fragment that could hide something, or whose first fragment did not pass.
    case fragment
    /// It asks the kernel to write a checksum where rules have looked, or to cut it into packets without number (virtio_net_hdr).
    case offload
    /// Not IPv6: IPv4, ARP, VLAN tags, LLC.
    case ethertype
    /// The attachment's policies do not allow it.
    case policy
    /// More per second than the attachment may.
    case rate
    /// No room for the flow among all flows of the host.
    case tableFull = "table-full"

    /// Whether frames to a port are dropped for it too.
    package var isOfReceivers: Bool {
        switch self {
        case .notReady, .unlearnedIP, .policy, .rate, .tableFull: true
        default: false
        }
    }

    /// The set that counts by port (`bridge kc`).
    package var counterSet: NamedSet {
        NamedSet(
            Identifier(derived: "dropped-" + rawValue), of: [.inputName],
            filling: .byPackets(seconds: nil, size: 65536, counted: true))
    }

    /// Where frames from a port go to be dropped.
    package var chain: Identifier { Identifier(derived: "drop-" + rawValue) }
    /// Where frames to a port go to be dropped; only reasons of receivers have it.
    package var chainToPort: Identifier { Identifier(derived: "drop-" + rawValue + "-to") }
}
