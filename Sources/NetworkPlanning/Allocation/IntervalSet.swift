/// A set of 64-bit numbers kept as sorted, disjoint ranges that never touch: what values of a pool are in use.
///
/// Values are mostly given in order, so even millions of them are few ranges. Membership and the next free number are
/// O(log ranges); a change moves at most the ranges behind it.
package struct IntervalSet: Hashable, Sendable {
    package private(set) var ranges: [ClosedRange<UInt64>] = []

    package init() {}

    package init(_ ranges: some Sequence<ClosedRange<UInt64>>) {
        for range in ranges { insert(range) }
    }

    package var isEmpty: Bool { ranges.isEmpty }

    /// How many numbers are in the set; `UInt64.max` also when it holds all 2^64.
    package var count: UInt64 {
        var count: UInt64 = 0
        for range in ranges {
            let (length, isAll) = (range.upperBound - range.lowerBound).addingReportingOverflow(1)
            let (sum, isTooMuch) = count.addingReportingOverflow(length)
            if isAll || isTooMuch { return .max }
            count = sum
        }
        return count
    }

    package func contains(_ value: UInt64) -> Bool { overlaps(value...value) }

    /// Whether any number of `range` is in the set.
    package func overlaps(_ range: ClosedRange<UInt64>) -> Bool {
        let index = firstIndex(endingAtOrAfter: range.lowerBound)
        return index < ranges.count && ranges[index].lowerBound <= range.upperBound
    }

    /// The lowest number of `range` that is not in the set.
    package func firstGap(in range: ClosedRange<UInt64>) -> UInt64? {
        let index = firstIndex(endingAtOrAfter: range.lowerBound)
        guard index < ranges.count, ranges[index].contains(range.lowerBound) else { return range.lowerBound }
        // Ranges never touch, so the number after one is free.
        let end = ranges[index].upperBound
        return end < range.upperBound ? end + 1 : nil
    }

    package mutating func insert(_ range: ClosedRange<UInt64>) {
        // Whatever overlaps or touches `range` becomes one with it.
        let low = range.lowerBound == 0 ? 0 : range.lowerBound - 1
        let start = firstIndex(endingAtOrAfter: low)
        var end = start
        var lower = range.lowerBound
        var upper = range.upperBound
        while end < ranges.count,
            ranges[end].lowerBound <= (range.upperBound == .max ? .max : range.upperBound + 1)
        {
            lower = min(lower, ranges[end].lowerBound)
            upper = max(upper, ranges[end].upperBound)
            end += 1
        }
        ranges.replaceSubrange(start..<end, with: CollectionOfOne(lower...upper))
    }

    package mutating func remove(_ range: ClosedRange<UInt64>) {
        let start = firstIndex(endingAtOrAfter: range.lowerBound)
        var end = start
        var rests: [ClosedRange<UInt64>] = []
        while end < ranges.count, ranges[end].lowerBound <= range.upperBound {
            let whole = ranges[end]
            if whole.lowerBound < range.lowerBound { rests.append(whole.lowerBound...range.lowerBound - 1) }
            if whole.upperBound > range.upperBound { rests.append(range.upperBound + 1...whole.upperBound) }
            end += 1
        }
        ranges.replaceSubrange(start..<end, with: rests)
    }

    /// The index of the first range whose end is not before `value`; `ranges.count` when there is none.
    private func firstIndex(endingAtOrAfter value: UInt64) -> Int {
        var low = 0
        var high = ranges.count
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound < value { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
