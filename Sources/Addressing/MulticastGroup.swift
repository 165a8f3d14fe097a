/// How VNIs are spread over IPv6 multicast groups: `base` plus `VNI mod count`, or one group per VNI for count 0.
///
/// Sharing is the rule: Linux refuses more than 2,340 joins per UDP port at net.core.optmem_max 131072 and 365 at 20480.
package struct MulticastGroups: Hashable, Sendable {
    /// The group of VNIs that are 0 modulo `count`. Low 32 bits distinct: MLD switches match on them (RFC 4541, RFC 3307).
    package let base: IPv6Address
    /// How many groups are shared; 0 = one per VNI.
    package let count: UInt32

    /// ff15::8b00:0, 256 groups: transient (T flag), site-local scope, dynamic group id (RFC 3307 section 4.3).
    package static let standard = MulticastGroups(
        unchecked: IPv6Address(high: 0xff15 << 48, low: 0x8b00_0000), count: 256)

    private init(unchecked base: IPv6Address, count: UInt32) {
        self.base = base
        self.count = count
    }

    /// - Throws: when `base` is not multicast, its scope is below link-local (RFC 4291 section 2.7), or its low bits
    ///   leave no room for `count` groups.
    package init(base: IPv6Address, count: UInt32) throws(AddressingError) {
        func refuse(_ rule: String) -> AddressingError {
            AddressingError(type: "multicast group base", value: base.description, rule: rule)
        }
        guard base.isMulticast else { throw refuse("is not in ff00::/8") }
        guard base.high >> 48 & 0xf >= 2 else { throw refuse("has a scope that never leaves an interface") }
        let highest = count == 0 ? UInt64(VNI.range.upperBound) : UInt64(count) - 1
        guard base.low & 0xffff_ffff + highest <= 0xffff_ffff else {
            throw refuse("leaves no room for its groups in its low 32 bits")
        }
        self.init(unchecked: base, count: count)
    }

    package func group(for vni: VNI) -> IPv6Address {
        var group = base
        group.low += UInt64(count == 0 ? vni.value : vni.value % count)
        return group
    }
}
