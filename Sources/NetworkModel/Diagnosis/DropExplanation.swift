import Resources

/// What people read about a reason for which the guards and policies of a port drop frames. The raw values are the names
/// in the ruleset (`NFTables.DropReason`), in metrics and in probes; `closed` is the gate of ports behind the ruleset.
package enum DropExplanation: String, Choice {
    case notReady = "not-ready"
    case closed
    case spoofedMAC = "spoofed-mac"
    case spoofedIP = "spoofed-ip"
    case unlearnedIP = "unlearned-ip"
    case foreignND = "foreign-nd"
    case rogueRA = "rogue-ra"
    case rogueDHCP = "rogue-dhcp"
    case rogueMLD = "rogue-mld"
    case redirect
    case icmpType = "icmp-type"
    case headerChain = "header-chain"
    case fragment
    case offload
    case ethertype
    case policy
    case rate
    case tableFull = "table-full"

    /// The rule that the frame breaks, as a sentence without its full stop.
    package var rule: String {
        switch self {
        case .notReady: "a port passes frames only once its guards are in place"
        case .closed: "while the host's ruleset is gone, nothing leaves by a port"
        case .spoofedMAC: "a port sends from its own MAC address alone"
        case .spoofedIP: "a port sends from its own and its allowed addresses alone"
        case .unlearnedIP: "an address of the segment is used only after it was claimed and granted"
        case .foreignND: "Neighbor Discovery speaks for the port's own addresses alone"
        case .rogueRA: "router advertisements come from the segment's gateway alone (RFC 6105)"
        case .rogueDHCP: "DHCP answers come from the segment's gateway alone (RFC 7610)"
        case .rogueMLD: "MLD queries come from the segment's gateway alone"
        case .redirect: "a port sends no redirects"
        case .icmpType: "a port sends only the ICMPv6 types of RFC 4890 and those of its own Neighbor Discovery"
        case .headerChain: "after the IPv6 header comes a transport protocol, or a fragment header"
        case .fragment: "a fragment shows its transport header and goes to a unicast global address"
        case .offload: "a checksum that is left to the kernel is that of the frame's own TCP or UDP header"
        case .ethertype: "a segment carries IPv6 alone, without VLAN tags"
        case .policy: "no policy of the attachment lets this flow begin"
        case .rate: "the port is over a limit"
        case .tableFull: "the host has no room for another flow"
        }
    }

    /// The advice with that attachment's name, where it is a command about it.
    package func advice(for attachment: String) -> String {
        advice.replacing("attachment update NAME ", with: "attachment update \(attachment) ")
    }

    /// Whether the frame itself does not show it: nobody finds it by looking at the frame again.
    package var isNotInFrames: Bool {
        switch self {
        case .notReady, .closed, .offload, .rate, .tableFull: true
        default: false
        }
    }

    /// What to do where the frame was legitimate.
    package var advice: String {
        switch self {
        case .notReady: "look at the attachment's phase and message: kcnet attachment show"
        case .closed: "find out who flushed the host's nftables; the agent has made its tables anew"
        case .spoofedMAC: "give the guest's interface the attachment's MAC, or the attachment the guest's"
        case .spoofedIP: "for a router or a virtual address: kcnet attachment update NAME --allow-address PREFIX"
        case .unlearnedIP:
            "have the guest do duplicate address detection, or: kcnet attachment update NAME --learned-addresses NUMBER"
        case .foreignND:
            "another attachment holds the address; for a virtual one: "
                + "kcnet attachment update NAME --allow-address ADDRESS/128"
        case .rogueRA: "make the router the segment's gateway: kcnet gateway create"
        case .rogueDHCP: "leave DHCP to the segment's gateway"
        case .rogueMLD: "switch off the guest's MLD querier"
        case .redirect: "switch off forwarding on the guest, or make it the gateway"
        case .icmpType: "nothing to do: no standard guest needs this type"
        case .headerChain: "have the sender leave out extension headers"
        case .fragment: "lower the sender's packet size to the segment's MTU"
        case .offload: "no stock guest asks for this; switch off its checksum and segmentation offload: ethtool -K"
        case .ethertype: "use IPv6, untagged"
        case .policy: "allow it: kcnet policy update POLICY --add RULE, or --add-out RULE for what it sends"
        case .rate: "raise the limit: kcnet attachment update NAME --limit-… (kcnet attachment update --help)"
        case .tableFull: "limit new flows of busy ports: --limit-out-new-flows"
        }
    }
}
