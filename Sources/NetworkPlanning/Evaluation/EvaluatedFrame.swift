/// A frame as nf_tables sees it in the bridge family, after the kernel received it on a device with VLAN offload (veth,
/// tap): the outermost VLAN tag is taken out of the bytes, the network header begins behind it, and the transport header
/// is where the kernel's own walk over the headers found one.
///
/// Follows skb_vlan_untag (net/core/skbuff.c), eth_type_trans (net/ethernet/eth.c), nft_set_pktinfo_ipv6_validate
/// (net/netfilter/nf_tables_ipv6.h), nft_set_pktinfo_ipv4_validate and ipv6_find_hdr (net/ipv6/exthdrs_core.c).
package struct EvaluatedFrame: Hashable, Sendable {
    /// Destination, source and, without the outermost tag, the ethertype or length: 14 bytes.
    let header: [UInt8]
    /// The tag that was taken out.
    let tag: Tag?
    /// All behind the header (and the tag), padding included: what `@nh` loads from. Nothing says that it is IPv6.
    let network: [UInt8]
    /// `meta protocol`: the ethertype, 0x0001 or 0x0004 for IEEE 802.3 frames (ETH_P_802_3, ETH_P_802_2).
    let networkProtocol: UInt16
    /// Nil: the header walk failed, or the frame is neither IPv4 nor IPv6; `meta l4proto` and `@th` break the rule.
    let transport: Transport?

    struct Tag: Hashable, Sendable {
        var type: UInt16
        var control: UInt16
    }

    struct Transport: Hashable, Sendable {
        /// `meta l4proto`.
        var number: UInt8
        /// From the first byte of the network header; may lie behind the last byte.
        var offset: Int
        /// A later fragment: there is a protocol, but no header; `offset` is 0.
        var isLaterFragment: Bool
    }

    /// - Returns: nil for what the kernel drops before any hook of the bridge: fewer bytes than an Ethernet header, or
    ///   a tag without an ethertype and two bytes more behind it.
    package init?(_ bytes: [UInt8]) {
        guard bytes.count >= 14 else { return nil }
        let type = Self.number(bytes, 12, 2)
        if type == 0x8100 || type == 0x88a8 {
            guard bytes.count >= 20 else { return nil }
            tag = Tag(type: UInt16(type), control: UInt16(Self.number(bytes, 14, 2)))
            header = Array(bytes[..<12]) + bytes[16..<18]
            network = Array(bytes[18...])
        } else {
            tag = nil
            header = Array(bytes[..<14])
            network = Array(bytes[14...])
        }
        let inner = UInt16(Self.number(header, 12, 2))
        if inner >= 0x0600 {
            networkProtocol = inner
        } else {
            // Novell's raw IPX began its packets with this (eth_type_trans).
            networkProtocol = network.count >= 2 && network[0] == 0xff && network[1] == 0xff ? 0x0001 : 0x0004
        }
        switch inner {
        case 0x86dd: transport = Self.transport6(network)
        case 0x0800: transport = Self.transport4(network)
        default: transport = nil
        }
    }

    /// `@ll,…`: a tag that was taken out is put back for loads that reach the ethertype (nft_payload_copy_vlan). Behind
    /// it then stands what the kernel takes for the protocol, which for IEEE 802.3 is not the length on the wire.
    func linkLayer(_ offset: Int, _ count: Int) -> ArraySlice<UInt8>? {
        guard let tag, offset + count > 12 else { return Self.slice(header + network, offset, count) }
        let behind = [tag.type, tag.control, networkProtocol].flatMap { [UInt8($0 >> 8), UInt8($0 & 0xff)] }
        return Self.slice(header[..<12] + behind + network, offset, count)
    }

    /// `@nh,…`
    func network(_ offset: Int, _ count: Int) -> ArraySlice<UInt8>? { Self.slice(network, offset, count) }

    /// `@th,…`
    ///
    /// A later fragment has no transport header, yet the kernel's short way for aligned loads of 1, 2 or 4 bytes
    /// (nft_payload_fast_eval) does not ask, and loads from the IPv6 header instead, since that is where the walk left
    /// its offset. Whoever writes rules must not take such a load for a port.
    func transport(_ offset: Int, _ count: Int) -> ArraySlice<UInt8>? {
        guard let transport else { return nil }
        let isFast = [1, 2, 4].contains(count) && offset % count == 0
        guard !transport.isLaterFragment || isFast else { return nil }
        return Self.slice(network, transport.offset + offset, count)
    }

    /// A load that reaches past the last byte fails as a whole (skb_copy_bits).
    private static func slice(_ bytes: [UInt8], _ offset: Int, _ count: Int) -> ArraySlice<UInt8>? {
        guard offset >= 0, count >= 0, offset + count <= bytes.count else { return nil }
        return bytes[offset..<offset + count]
    }

    private static func number(_ bytes: [UInt8], _ offset: Int, _ count: Int) -> Int {
        bytes[offset..<offset + count].reduce(0) { $0 << 8 | Int($1) }
    }
}

// MARK: - The kernel's walk over the headers

extension EvaluatedFrame {
    /// The 13 bits of the first Fragment header's offset; nil when there is none that the walk reaches.
    var fragmentOffset: UInt16? {
        guard networkProtocol == 0x86dd, network.count >= 40 else { return nil }
        var next = network[6]
        var start = 40
        while Self.isExtension(next), next != 59 {
            guard start + 4 <= network.count else { return nil }
            if next == 44 { return UInt16(Self.number(network, start + 2, 2)) >> 3 }
            let units = Int(network[start + 1])
            next = network[start]
            start += next == 51 ? (units + 2) * 4 : (units + 1) * 8
        }
        return nil
    }
}

extension EvaluatedFrame {
    /// Extension headers that ipv6_ext_hdr() knows: ESP, mobility (135), HIP and Shim6 are not among them.
    private static func isExtension(_ number: UInt8) -> Bool { [0, 43, 44, 51, 59, 60].contains(number) }

    private static func transport6(_ packet: [UInt8]) -> Transport? {
        guard packet.count >= 40, packet[0] >> 4 == 6, number(packet, 4, 2) + 40 <= packet.count else { return nil }
        var next = packet[6]
        var start = 40
        // Bounds are those of the frame, not those of the payload length.
        while isExtension(next), next != 59 {
            guard start + 2 <= packet.count else { return nil }
            switch next {
            case 43:
                guard start + 4 <= packet.count else { return nil }
            case 44:
                guard start + 4 <= packet.count else { return nil }
                if number(packet, start + 2, 2) & ~7 != 0 {
                    let upper = packet[start]
                    guard !isExtension(upper) || upper == 59 else { return nil }
                    return Transport(number: upper, offset: 0, isLaterFragment: true)
                }
            case 51: return found(51, start)  // stops there: IP6_FH_F_AUTH
            default: break
            }
            let length = next == 44 ? 8 : (Int(packet[start + 1]) + 1) * 8
            next = packet[start]
            start += length
        }
        return found(next, start)
    }

    private static func found(_ number: UInt8, _ offset: Int) -> Transport? {
        offset > 0xffff ? nil : Transport(number: number, offset: offset, isLaterFragment: false)
    }

    private static func transport4(_ packet: [UInt8]) -> Transport? {
        guard packet.count >= 20, packet[0] >> 4 == 4, packet[0] & 15 >= 5 else { return nil }
        let total = number(packet, 2, 2)
        let header = Int(packet[0] & 15) * 4
        guard total <= packet.count, total >= header, header <= packet.count else { return nil }
        return Transport(
            number: packet[9], offset: header, isLaterFragment: number(packet, 6, 2) & 0x1fff != 0)
    }
}
