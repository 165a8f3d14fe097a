package import Addressing
import Frames

/// The answer to duplicate address detection for an address that the guest cannot have (RFC 4862 section 5.4.4): a
/// neighbour advertisement of the address, after which the guest's stack does not use it.
///
/// The agent gives it in the holder's place: the holder may be on another host, be switched off, or be in the middle of
/// its own detection, which another's would end. It leaves by the claimant's port alone, so nobody learns from it.
package struct Objection: Hashable, Sendable {
    package var address: IPv6Address
    /// The claimant's.
    package var port: InterfaceName

    package init(_ address: IPv6Address, by port: InterfaceName) {
        self.address = address
        self.port = port
    }

    /// A locally administered address that no port has: KC's own prefix and all zero behind it.
    private static let sender = MACAddress(0x026b_6300_0000)
    private static let allNodes = IPv6Address(high: 0xff02 << 48, low: 1)
    /// 33-33 and the last 32 bits of the group (RFC 2464 section 7).
    private static let allNodesMAC = MACAddress(0x3333_0000_0001)

    package var frame: [UInt8] {
        let message = ICMPv6Message(
            .neighbourAdvertisement(.override, target: address, [.targetLinkLayer(Self.sender)]))
        return EthernetFrame(
            to: Self.allNodesMAC, from: Self.sender,
            .ipv6(IPv6Packet(from: address, to: Self.allNodes, hopLimit: 255, .icmpv6(message)))
        ).bytes
    }
}
