package import Addressing

/// tayga.conf(5) of one gateway: translation a packet at a time, where the kernel takes no program for it.
///
/// Only typed values reach the text.
package struct TaygaConfiguration: Hashable, Sendable {
    package var device: InterfaceName
    /// What its errors come from in the IPv4 world: the gateway's own.
    package var own: IPv4Address
    /// A /96.
    package var prefix: IPv6Prefix
    /// Whether senders without a mapping get an address each of the block.
    package var hasBlock: Bool
    package var mappings: [IPv4Address: IPv6Address]

    package init(
        device: InterfaceName, own: IPv4Address, prefix: IPv6Prefix, hasBlock: Bool,
        mappings: [IPv4Address: IPv6Address]
    ) {
        self.device = device
        self.own = own
        self.prefix = prefix
        self.hasBlock = hasBlock
        self.mappings = mappings
    }

    /// The whole file; equal values give equal text.
    package var text: String {
        var lines = ["tun-device \(device)", "ipv4-addr \(own)"]
        // By itself it would take the address behind the prefix, and 64:ff9b::/96 carries none that is not global. No
        // packet is ever for it.
        lines.append("ipv6-addr \(IPv6Address(high: 0xfd6b_6300_0000_0000, low: UInt64(own.value)))")
        lines.append("prefix \(prefix)")
        if hasBlock { lines.append("dynamic-pool \(IPv4Prefix.taygaBlock)") }
        for (ipv4, ipv6) in mappings.sorted(by: { $0.key < $1.key }) { lines.append("map \(ipv4) \(ipv6)") }
        return lines.joined(separator: "\n") + "\n"
    }
}
