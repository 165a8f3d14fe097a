package import Addressing
package import NetworkModel
package import Resources

/// A value that pools give out, by its place on a line of 64-bit numbers.
package protocol PoolValue: Hashable, Sendable {
    static var poolType: PoolType { get }
    /// What the pool can give; nil for a pool of another type.
    static func ordinals(of pool: Pool.Spec) -> ClosedRange<UInt64>?
    /// What is never given, whatever the pools say.
    static var reserved: [ClosedRange<UInt64>] { get }
    /// nil for a number that is no value.
    init?(ordinal: UInt64)
    /// The numbers that this value occupies: one, or more for a prefix shorter than /64.
    var ordinals: ClosedRange<UInt64> { get }
}

/// A pool by its name, as an allocator needs it.
package struct NamedPool: Hashable, Sendable {
    package var name: Name
    package var spec: Pool.Spec

    package init(_ name: Name, _ spec: Pool.Spec) {
        self.name = name
        self.spec = spec
    }
}

/// VNIs out of the pools of type `vni`.
package typealias VNIAllocator = PoolAllocator<VNI>
/// /64 prefixes out of the pools of type `prefix`.
package typealias PrefixAllocator = PoolAllocator<IPv6Prefix>
/// IPv4 addresses out of the pools of type `ipv4`.
package typealias IPv4Allocator = PoolAllocator<IPv4Address>
/// MAC addresses out of the pools of type `mac`.
package typealias MACAllocator = PoolAllocator<MACAddress>

/// Which values of some pools are in use, and which one comes next.
///
/// A value, without clock or randomness: equal histories give equal values. It is a proposal only; that no two
/// resources have one value is the store's to hold, in the transaction that creates the resource. Copying is cheap
/// (copy on write), so a caller may try on a copy.
package struct PoolAllocator<Value: PoolValue>: Sendable {
    /// The pools of the value's type, in the order of their names.
    package private(set) var pools: [NamedPool]
    /// All that the pools can give; overlapping pools give a value once.
    private var capacity: IntervalSet
    private var used = IntervalSet()
    /// The number given last.
    private var last: UInt64?

    /// Pools of other types are ignored, so that one list serves all allocators.
    package init(pools: [NamedPool] = [], used: [Value] = []) {
        self.pools = []
        self.capacity = IntervalSet()
        replacePools(with: pools)
        for value in used { take(value) }
    }

    /// Takes other pools from now on. What is in use stays in use, also where no pool covers it any more.
    package mutating func replacePools(with pools: [NamedPool]) {
        self.pools = pools.filter { Value.ordinals(of: $0.spec) != nil }.sorted { $0.name < $1.name }
        capacity = IntervalSet(self.pools.compactMap { Value.ordinals(of: $0.spec) })
        for range in Value.reserved { capacity.remove(range) }
    }

    /// The first free value after the one given last, beginning again at the lowest; it is in use from now on.
    ///
    /// Not simply the lowest: a value that was just released would come back at once, while a host may still have the
    /// old segment's devices and guests may still have the old MAC in their caches. O(log n) in the values used.
    /// - Throws: when all pools together have none left.
    package mutating func next() throws(PoolExhausted) -> Value {
        let start = last.map { $0 == .max ? 0 : $0 + 1 } ?? 0
        let ordinal = firstFree(from: start) ?? (start == 0 ? nil : firstFree(from: 0))
        guard let ordinal, let value = Value(ordinal: ordinal) else {
            throw PoolExhausted(type: Value.poolType, pools: pools)
        }
        used.insert(value.ordinals)
        last = ordinal
        return value
    }

    /// Goes on `count` values further along: two allocators over one store that gave the same values part ways so.
    package mutating func skip(_ count: UInt64) {
        let (sum, isTooMuch) = (last ?? 0).addingReportingOverflow(count)
        last = isTooMuch ? nil : sum
    }

    /// The first free block of `1 << bits` values that begins at a multiple of its size, after the value given last; the
    /// whole block is in use from now on.
    /// - Parameter bits: 0 to 63.
    /// - Returns: its first value.
    /// - Throws: when no pool has such a block left.
    package mutating func nextBlock(bits: Int) throws(PoolExhausted) -> Value {
        let start = last.map { $0 == .max ? 0 : $0 + 1 } ?? 0
        let block = firstBlock(from: start, bits: bits) ?? (start == 0 ? nil : firstBlock(from: 0, bits: bits))
        guard let block, let value = Value(ordinal: block.lowerBound) else {
            throw PoolExhausted(type: Value.poolType, pools: pools)
        }
        used.insert(block)
        last = block.upperBound
        return value
    }

    private func firstBlock(from start: UInt64, bits: Int) -> ClosedRange<UInt64>? {
        let mask = (UInt64(1) << UInt64(bits)) - 1
        for range in capacity.ranges where range.upperBound >= start {
            var from = max(start, range.lowerBound)
            // Each turn passes a range in use, or a block with one in it.
            while from <= range.upperBound, let gap = used.firstGap(in: from...range.upperBound) {
                let (raised, isTooHigh) = gap.addingReportingOverflow(mask)
                let (high, isTooMuch) = (raised & ~mask).addingReportingOverflow(mask)
                guard !isTooHigh, !isTooMuch, high <= range.upperBound else { break }
                let low = high - mask
                if !used.overlaps(low...high) { return low...high }
                guard high < .max else { break }
                from = high + 1
            }
        }
        return nil
    }

    /// Marks an explicit value as in use; false when it, or for a prefix any part of it, is in use already.
    /// The value need not be in any pool.
    @discardableResult
    package mutating func take(_ value: Value) -> Bool {
        guard !used.overlaps(value.ordinals) else { return false }
        used.insert(value.ordinals)
        return true
    }

    /// Marks a value as in use that somebody has, also where a part of it was in use already.
    package mutating func occupy(_ value: Value) { used.insert(value.ordinals) }

    /// Gives a value back; nothing happens when it was not in use.
    package mutating func release(_ value: Value) { used.remove(value.ordinals) }

    /// Whether the value, or any part of a prefix, is in use.
    package func isUsed(_ value: Value) -> Bool { used.overlaps(value.ordinals) }

    /// Whether some pool could have given the whole value.
    package func isInPools(_ value: Value) -> Bool {
        capacity.ranges.contains {
            $0.lowerBound <= value.ordinals.lowerBound && value.ordinals.upperBound <= $0.upperBound
        }
    }

    /// How many values the pools have left. Costs a walk over the used ranges: for reports, not for each request.
    package var free: UInt64 {
        var rest = capacity
        for range in used.ranges { rest.remove(range) }
        return rest.count
    }

    private func firstFree(from start: UInt64) -> UInt64? {
        for range in capacity.ranges where range.upperBound >= start {
            if let gap = used.firstGap(in: max(start, range.lowerBound)...range.upperBound) { return gap }
        }
        return nil
    }
}

extension VNI: PoolValue {
    package static var poolType: PoolType { .vni }
    package static var reserved: [ClosedRange<UInt64>] { [] }

    package static func ordinals(of pool: Pool.Spec) -> ClosedRange<UInt64>? {
        guard case .vni(let from, let to) = pool, from <= to else { return nil }
        return UInt64(from.value)...UInt64(to.value)
    }

    package init?(ordinal: UInt64) {
        // A number outside 24 bits is no VNI: nil says it as well as the error.
        guard let vni = try? VNI(ordinal) else { return nil }
        self = vni
    }

    package var ordinals: ClosedRange<UInt64> { UInt64(value)...UInt64(value) }
}

/// The number of a /64 is its first 64 bits; a shorter prefix is all its /64s, a longer one the /64 it lies in.
extension IPv6Prefix: PoolValue {
    package static var poolType: PoolType { .prefix }

    /// ::/64 (unspecified, loopback, IPv4-mapped), fe80::/10 and ff00::/8 (RFC 4291 section 2.4).
    package static var reserved: [ClosedRange<UInt64>] {
        [0...0, 0xfe80 << 48...0xfebf_ffff_ffff_ffff, 0xff << 56...UInt64.max]
    }

    package static func ordinals(of pool: Pool.Spec) -> ClosedRange<UInt64>? {
        guard case .prefix(let prefix) = pool, prefix.length <= 64 else { return nil }
        return prefix.ordinals
    }

    package init?(ordinal: UInt64) { self.init(containing: IPv6Address(high: ordinal, low: 0), length: 64) }

    package var ordinals: ClosedRange<UInt64> {
        address.high...(length >= 64 ? address.high : address.high | UInt64.max >> UInt64(length))
    }
}

extension MACAddress: PoolValue {
    package static var poolType: PoolType { .mac }
    /// All zero is no station's address.
    package static var reserved: [ClosedRange<UInt64>] { [0...0] }

    package static func ordinals(of pool: Pool.Spec) -> ClosedRange<UInt64>? {
        guard case .mac(let prefix) = pool else { return nil }
        return prefix.address(at: 0).value...prefix.address(at: 0xff_ffff).value
    }

    package init?(ordinal: UInt64) {
        guard ordinal <= 0xffff_ffff_ffff else { return nil }
        self.init(ordinal)
    }

    package var ordinals: ClosedRange<UInt64> { value...value }
}
