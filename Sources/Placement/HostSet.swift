/// Hosts by their places, one bit each: 10,000 of them are 157 words, so that filters are combined by the word and cost
/// nothing per host.
struct HostSet: Sendable, Equatable {
    private(set) var words: [UInt64]

    init(count: Int) { words = [UInt64](repeating: 0, count: (count + 63) / 64) }

    @inline(__always) func contains(_ place: Int) -> Bool { words[place >> 6] >> UInt64(place & 63) & 1 != 0 }

    mutating func set(_ place: Int, _ isMember: Bool) {
        if isMember { words[place >> 6] |= 1 << UInt64(place & 63) } else { remove(place) }
    }

    mutating func remove(_ place: Int) { words[place >> 6] &= ~(1 << UInt64(place & 63)) }

    var isEmpty: Bool { words.allSatisfy { $0 == 0 } }

    var count: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }

    func intersection(_ other: HostSet) -> HostSet {
        var result = self
        for index in words.indices { result.words[index] &= other.words[index] }
        return result
    }

    func subtracting(_ other: HostSet) -> HostSet {
        var result = self
        for index in words.indices { result.words[index] &= ~other.words[index] }
        return result
    }

    /// In ascending order.
    var places: [Int] {
        var places: [Int] = []
        for (index, word) in words.enumerated() {
            var word = word
            while word != 0 {
                places.append(index << 6 + word.trailingZeroBitCount)
                word &= word - 1
            }
        }
        return places
    }
}
