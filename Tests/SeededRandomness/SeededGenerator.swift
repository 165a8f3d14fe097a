import Glibc

/// For tests alone. Repeatable randomness (SplitMix64: Steele, Lea, Flood, Fast Splittable Pseudorandom Number
/// Generators, 2014): a test prints its seed, so that a failure can be run again.
package struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    /// A seed of the moment, printed with the name of the test that uses it; KC_SEED runs a printed one again.
    package init(printedFor test: String) {
        let seed = getenv("KC_SEED").flatMap { UInt64(String(cString: $0)) } ?? UInt64.random(in: 0...UInt64.max)
        print("seed \(test): \(seed)")
        self.init(seed: seed)
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    /// True so often in a hundred (0...100).
    package mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
}
