package import Addressing

/// One Ethernet frame without its frame check sequence (IEEE 802.3, RFC 894, RFC 1042).
///
/// A right frame survives `bytes` and ``init(parsing:)`` unchanged. Wrong ones can be built too: fields that say
/// nothing true are ``Length/wrong(_:)``, ``Checksum/wrong(_:)`` or plain bytes, and ``bytes`` may be cut anywhere.
package struct EthernetFrame: Hashable, Sendable {
    package var destination: MACAddress
    package var source: MACAddress
    /// Outermost first. At most ``maximumTags`` are parsed.
    package var tags: [VLANTag]
    package var framing: Framing
    package var payload: Payload
    /// What follows the payload that its own length field ends: padding to 60 bytes, or something hidden.
    package var trailer: [UInt8]

    package static let maximumTags = 8

    package init(
        to destination: MACAddress, from source: MACAddress, tags: [VLANTag] = [], framing: Framing = .typed,
        _ payload: Payload, trailer: [UInt8] = []
    ) {
        self.destination = destination
        self.source = source
        self.tags = tags
        self.framing = framing
        self.payload = payload
        self.trailer = trailer
    }

    /// What stands between the addresses (and tags) and the payload.
    package enum Framing: Hashable, Sendable {
        /// Ethernet II: the payload's ethertype.
        case typed
        /// IEEE 802.3 with LLC aa-aa-03 and SNAP of this organization, then the payload's ethertype (RFC 1042 has
        /// organization 0).
        case snap(organization: UInt32, length: Length)
        /// IEEE 802.3 with an LLC header that is not SNAP; the payload is ``Payload/other(type:_:)`` with type 0.
        case llc(destination: UInt8, source: UInt8, control: UInt8, length: Length)
    }

    /// The length field of an 802.3 frame.
    package enum Length: Hashable, Sendable {
        /// The bytes from the LLC header to the end of the payload.
        case right
        /// Another number below 0x600.
        case wrong(UInt16)
    }

    package enum Payload: Hashable, Sendable {
        /// Ethertype 0x86dd.
        case ipv6(IPv6Packet)
        /// Any other: the ethertype (0x0600 and above; with LLC 0) and all bytes.
        case other(type: UInt16, [UInt8])
    }
}

/// An IEEE 802.1Q tag.
package struct VLANTag: Hashable, Sendable {
    /// 0x8100 (C-tag), 0x88a8 (S-tag).
    package var type: UInt16
    /// Priority (3 bits), drop eligible (1 bit), VLAN (12 bits).
    package var control: UInt16

    package init(_ identifier: UInt16, type: UInt16 = EtherType.vlan) {
        self.type = type
        self.control = identifier
    }
}

/// Ethertypes that KC names (IEEE registration authority).
package enum EtherType {
    package static let ipv4: UInt16 = 0x0800
    package static let arp: UInt16 = 0x0806
    package static let reverseARP: UInt16 = 0x8035
    package static let vlan: UInt16 = 0x8100
    package static let ipv6: UInt16 = 0x86dd
    package static let serviceVLAN: UInt16 = 0x88a8
    /// Values below are lengths (IEEE 802.3).
    package static let minimum: UInt16 = 0x0600
}
