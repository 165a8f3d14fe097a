package import Addressing

/// A value that a rule reads of a packet: a fixed number of bits.
///
/// A field that a packet does not have (its header is absent or cut short) ends the rule it stands in, as a condition
/// that does not hold would, whatever the comparison.
package enum Field: Hashable, Sendable {
    /// What the kernel knows about the packet beside its bytes.
    case meta(Meta)
    /// Bits at a place in the packet.
    case payload(Payload)
    /// The IPv6 source. Only of packets whose skb->protocol is IPv6 (nft puts that check first), which a frame with an
    /// accelerated VLAN tag satisfies too.
    case ipv6Source
    /// The IPv6 destination, like `ipv6Source`.
    case ipv6Destination
    /// The IPv4 source. Only of packets whose skb->protocol is IPv4.
    case ipv4Source
    /// The IPv4 destination, like `ipv4Source`.
    case ipv4Destination
    /// The offset field of the Fragment header (RFC 8200 section 4.5), in eights of bytes.
    case fragmentOffset

    /// Keys of `meta` (enum nft_meta_keys, linux/netfilter/nf_tables.h).
    package enum Meta: String, Hashable, Sendable {
        /// Sixteen bytes: the name padded with zeros (IFNAMSIZ). Empty when there is no such interface.
        case inputName = "iifname"
        case outputName = "oifname"
        /// The kernel's index, 4 bytes in the host's order.
        case inputIndex = "iif"
        case outputIndex = "oif"
        /// The group of the device it came in by (IFLA_GROUP), 4 bytes in the host's order.
        case inputGroup = "meta iifgroup"
        /// The group of the device it leaves by, as `inputGroup`.
        case outputGroup = "meta oifgroup"
        /// skb->mark, 4 bytes in the host's order.
        case mark = "meta mark"
        /// NFPROTO_IPV4 (2) or NFPROTO_IPV6 (10), one byte: tables of the family `inet` only.
        case networkProtocol = "meta nfproto"
        /// The last header's protocol number, after all extension headers that the kernel can walk; that of the
        /// original packet's in fragments. Absent when the chain is broken or the packet is not IP.
        case transportProtocol = "meta l4proto"
    }
}

/// Bits at a place of the packet (`@base,offset,width`).
package struct Payload: Hashable, Sendable {
    /// NFT_PAYLOAD_*_HEADER.
    package enum Base: String, Hashable, Sendable {
        /// The Ethernet header. An accelerated VLAN tag is put back where it was.
        case link = "ll"
        /// What follows the Ethernet header.
        case network = "nh"
        /// The header that `transportProtocol` names. Absent in fragments other than the first.
        case transport = "th"
    }

    package var base: Base
    /// In bits from the base's beginning; the first bit is the most significant of its byte.
    package var offset: Int
    /// In bits: 1 to 64.
    package var width: Int

    package init(_ base: Base, _ offset: Int, _ width: Int) {
        precondition(offset >= 0 && (1...64).contains(width), "payload @\(base.rawValue),\(offset),\(width)")
        self.base = base
        self.offset = offset
        self.width = width
    }

    /// Whether the field begins and ends at bytes. Only such fields can be part of a key.
    package var isAligned: Bool { offset % 8 == 0 && width % 8 == 0 }
}

extension Field {
    /// Bits of the Ethernet header.
    package static func link(_ offset: Int, _ width: Int) -> Field { .payload(Payload(.link, offset, width)) }
    /// Bits of what follows the Ethernet header.
    package static func network(_ offset: Int, _ width: Int) -> Field { .payload(Payload(.network, offset, width)) }
    /// Bits of the transport header.
    package static func transport(_ offset: Int, _ width: Int) -> Field { .payload(Payload(.transport, offset, width)) }

    package static let inputName = Field.meta(.inputName)
    package static let outputName = Field.meta(.outputName)
    package static let inputIndex = Field.meta(.inputIndex)
    package static let outputIndex = Field.meta(.outputIndex)
    package static let inputGroup = Field.meta(.inputGroup)
    package static let outputGroup = Field.meta(.outputGroup)
    package static let mark = Field.meta(.mark)
    package static let transportProtocol = Field.meta(.transportProtocol)

    /// How many bytes it takes in a register and in a key, before padding to 4.
    package var byteCount: Int {
        switch self {
        case .meta(.inputName), .meta(.outputName), .ipv6Source, .ipv6Destination: 16
        case .meta(.inputIndex), .meta(.outputIndex), .meta(.inputGroup), .meta(.outputGroup), .meta(.mark),
            .ipv4Source, .ipv4Destination:
            4
        case .meta(.networkProtocol), .meta(.transportProtocol): 1
        case .payload(let payload): (payload.width + 7) / 8
        case .fragmentOffset: 2
        }
    }

    /// What it takes in a key: parts of a concatenation begin at multiples of 4 (NFT_REG32_SIZE).
    package var paddedCount: Int { (byteCount + 3) & ~3 }

    /// Where in the packet it is; nil: nowhere, or wherever a header is found.
    var place: (base: Payload.Base, bits: Range<Int>)? {
        switch self {
        case .meta, .fragmentOffset: nil
        case .payload(let payload): (payload.base, payload.offset..<payload.offset + payload.width)
        case .ipv6Source: (.network, 64..<192)
        case .ipv6Destination: (.network, 192..<320)
        case .ipv4Source: (.network, 96..<128)
        case .ipv4Destination: (.network, 128..<160)
        }
    }

    /// Whether the kernel holds it in the host's byte order rather than the network's. In the keys of interval sets all
    /// numbers have the network's order, and rules turn them round before they look.
    package var isHostOrder: Bool {
        switch self {
        case .meta(.inputIndex), .meta(.outputIndex), .meta(.inputGroup), .meta(.outputGroup), .meta(.mark): true
        default: false
        }
    }

    var text: String {
        switch self {
        case .meta(let meta): meta.rawValue
        case .payload(let payload): "@\(payload.base.rawValue),\(payload.offset),\(payload.width)"
        case .ipv6Source: "ip6 saddr"
        case .ipv6Destination: "ip6 daddr"
        case .ipv4Source: "ip saddr"
        case .ipv4Destination: "ip daddr"
        case .fragmentOffset: "frag frag-off"
        }
    }

    /// A value of this field as nft writes and reads it.
    func text(_ value: FieldValue) -> String {
        switch value {
        case .interface(let name): "\"\(name)\""
        case .address(let address): "\(address)"
        case .number(let number):
            switch self {
            case .payload, .meta(.mark), .meta(.inputGroup): "0x\(String(number, radix: 16))"
            case .ipv4Source, .ipv4Destination: "\(IPv4Address(UInt32(truncatingIfNeeded: number)))"
            case .meta(.networkProtocol): number == 2 ? "ipv4" : "ipv6"
            default: "\(number)"
            }
        }
    }
}

/// A value of a field.
package enum FieldValue: Hashable, Sendable {
    /// All but names and addresses: as the field's bits read from the most significant on.
    case number(UInt64)
    case address(IPv6Address)
    case interface(InterfaceName)
}
