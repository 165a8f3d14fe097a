package import Addressing
package import NetworkModel

/// A prefix that an attachment was delegated, as pools of type `delegation` give it out: its number is that of its first
/// /64, and it occupies all /64s inside.
package struct DelegatedPrefix: PoolValue {
    package var prefix: IPv6Prefix

    package init(_ prefix: IPv6Prefix) { self.prefix = prefix }

    package static var poolType: PoolType { .delegation }
    package static var reserved: [ClosedRange<UInt64>] { IPv6Prefix.reserved }

    package static func ordinals(of pool: Pool.Spec) -> ClosedRange<UInt64>? {
        guard case .delegation(let prefix) = pool else { return nil }
        return prefix.ordinals
    }

    package init(ordinal: UInt64) {
        self.init(IPv6Prefix(containing: IPv6Address(high: ordinal, low: 0), length: 64))
    }

    package var ordinals: ClosedRange<UInt64> { prefix.ordinals }
}

/// Prefixes of any length up to /64 out of the pools of type `delegation`, none overlapping another.
package typealias DelegationAllocator = PoolAllocator<DelegatedPrefix>

extension PoolAllocator<DelegatedPrefix> {
    /// The next free prefix of that length (1 to 64); it is in use from now on.
    /// - Throws: when no pool has one left.
    package mutating func next(length: Int) throws(PoolExhausted) -> DelegatedPrefix {
        let first = try nextBlock(bits: 64 - length)
        return DelegatedPrefix(IPv6Prefix(containing: first.prefix.address, length: length))
    }
}
