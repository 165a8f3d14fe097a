import NetworkPlanning
import SeededRandomness
import Testing

@Suite struct IntervalSetTests {
    @Test(arguments: 1...200) func `a set of ranges holds what a plain set holds`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var ranges = IntervalSet()
        var plain: Set<UInt64> = []
        let low: UInt64 = seed.isMultiple(of: 2) ? 0 : UInt64.max - 63
        for _ in 0..<60 {
            let a = UInt64.random(in: 0...63, using: &random)
            let range = low + a...low + min(63, a + UInt64.random(in: 0...5, using: &random))
            if random.chance(60) {
                ranges.insert(range)
                plain.formUnion(range)
            } else {
                ranges.remove(range)
                plain.subtract(range)
            }
        }
        for value in low...low + 63 {
            #expect(ranges.contains(value) == plain.contains(value), "seed \(seed) value \(value)")
        }
        #expect(ranges.count == UInt64(plain.count))
        #expect(ranges.firstGap(in: low...low + 63) == (low...low + 63).first { !plain.contains($0) }, "seed \(seed)")
        for (left, right) in zip(ranges.ranges, ranges.ranges.dropFirst()) {
            #expect(left.upperBound + 1 < right.lowerBound, "ranges touch: seed \(seed)")
        }
    }

    @Test func `the whole line is counted without overflow`() {
        #expect(IntervalSet([0...UInt64.max]).count == .max)
        #expect(IntervalSet([0...UInt64.max]).firstGap(in: 0...UInt64.max) == nil)
    }
}
