/// What a host's kernel can do and how it is set, found by trying and by reading; nothing is changed by asking. (What
/// its underlay interface is like, `LinkTable.observe(links:in:)` tells.)
package protocol HostProbing: Sendable {
    func capabilities() async throws(NodeError) -> HostCapabilities
}

/// What KC needs of a kernel, without the packet filter.
package struct HostCapabilities: Hashable, Sendable {
    /// Why a kind of device could not be made in a scratch namespace, by the kernel's name for it ("vxlan", "bridge",
    /// "veth", "tun"). Empty: all can be made.
    package var missing: [String: String]
    /// net.core.optmem_max in bytes; nil when it cannot be read.
    package var optmemMax: Int?
    /// net.bridge.bridge-nf-call-*: whether bridged frames pass the host's IP filters on all bridges, whatever a bridge
    /// says itself (the kernel takes either); nil when the kernel has no br_netfilter.
    package var bridgeNetfilter: Bool?

    package init(missing: [String: String] = [:], optmemMax: Int? = nil, bridgeNetfilter: Bool? = nil) {
        self.missing = missing
        self.optmemMax = optmemMax
        self.bridgeNetfilter = bridgeNetfilter
    }

    /// How many multicast groups the VXLAN devices of one UDP port can join: each costs 56 bytes of optmem_max
    /// (struct ipv6_mc_socklist on 64 bits; 2,340 at 131072, 365 at 20480, both measured).
    package var multicastJoins: Int? { optmemMax.map { $0 / 56 } }
}
