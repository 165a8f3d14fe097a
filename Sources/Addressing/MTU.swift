/// The largest IPv6 packet a link carries, in bytes, without its Ethernet header.
package struct MTU: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// 1280 (RFC 8200 section 5) to 65535.
    package let bytes: Int

    package static let range = 1280...65535

    /// What one VXLAN frame over IPv6 costs: 40 IPv6 + 8 UDP + 8 VXLAN + 14 inner Ethernet.
    package static let vxlanOverhead = 70

    /// The smallest underlay that still carries a 1280-byte tenant packet.
    package static let smallestUnderlay = range.lowerBound + vxlanOverhead

    package init(_ bytes: Int) throws(AddressingError) {
        guard Self.range.contains(bytes) else {
            throw AddressingError(type: "MTU", value: "\(bytes)", rule: "is not from 1280 (RFC 8200) to 65535")
        }
        self.bytes = bytes
    }

    /// The MTU of a segment on an underlay of this MTU.
    /// - Throws: below 1350, which would leave tenants less than IPv6 demands.
    package func insideVXLAN() throws(AddressingError) -> MTU {
        guard bytes >= Self.smallestUnderlay else {
            throw AddressingError(
                type: "underlay MTU", value: "\(bytes)",
                rule: "is below 1350, which leaves segments less than the 1280 bytes of RFC 8200")
        }
        return try MTU(bytes - Self.vxlanOverhead)
    }

    package static func < (left: MTU, right: MTU) -> Bool { left.bytes < right.bytes }

    package var description: String { String(bytes) }
}
