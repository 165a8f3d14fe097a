/// Places in the order of their keys, in blocks that know the most that is free on any of their hosts.
///
/// A search goes through the blocks from the best key on, passes by those in which nothing can fit, and ends at the first
/// host that will do. With n hosts there are about n/64 blocks: changing a key costs a search among the blocks' first keys
/// and a move within one block, so O(log n + 64).
struct PlaceOrder: Sendable {
    /// Sorts before every greater one; unique.
    typealias Key = UInt64

    private struct Block {
        var keys: [Key]
        var most: Free
    }

    private var blocks: [Block] = []
    private static let limit = 128

    /// - Parameter keys: in ascending order.
    init(keys: [Key], free: (Key) -> Free) {
        for start in stride(from: 0, to: keys.count, by: Self.limit / 2) {
            var block = Block(keys: Array(keys[start..<min(start + Self.limit / 2, keys.count)]), most: .none)
            block.keys.reserveCapacity(Self.limit)
            for key in block.keys { block.most.raise(to: free(key)) }
            blocks.append(block)
        }
    }

    /// The first key whose host will do, in ascending order.
    ///
    /// - Parameters:
    ///   - demand: what must be free; blocks are passed by for it.
    ///   - isGood: whether the host of a key will do, its free room included.
    @inline(__always) func first(_ demand: Free, where isGood: (Key) -> Bool) -> Key? {
        for index in blocks.indices where blocks[index].most.covers(demand) {
            for key in blocks[index].keys where isGood(key) { return key }
        }
        return nil
    }

    /// Puts `new` in the place of `old`, which is there.
    mutating func replace(_ old: Key, with new: Key, free: (Key) -> Free) {
        let from = block(of: old)
        guard let place = Self.place(of: old, in: blocks[from].keys) else { return }
        blocks[from].keys.remove(at: place)
        if blocks[from].keys.isEmpty { blocks.remove(at: from) } else { summarise(from, free) }
        guard !blocks.isEmpty else {
            blocks = [Block(keys: [new], most: free(new))]
            return
        }
        let to = block(of: new)
        let target = Self.lowerBound(new, blocks[to].keys.count) { blocks[to].keys[$0] }
        blocks[to].keys.insert(new, at: target)
        if blocks[to].keys.count > Self.limit {
            let half = blocks[to].keys.count / 2
            let upper = Block(keys: Array(blocks[to].keys[half...]), most: .none)
            blocks[to].keys.removeSubrange(half...)
            blocks.insert(upper, at: to + 1)
            summarise(to + 1, free)
            summarise(to, free)
        } else {
            blocks[to].most.raise(to: free(new))
        }
    }

    private mutating func summarise(_ index: Int, _ free: (Key) -> Free) {
        var most = Free.none
        for key in blocks[index].keys { most.raise(to: free(key)) }
        blocks[index].most = most
    }

    /// The last block whose first key is not above `key`, or the first block.
    private func block(of key: Key) -> Int {
        max(0, Self.lowerBound(key &+ 1, blocks.count) { blocks[$0].keys[0] } - 1)
    }

    private static func place(of key: Key, in keys: [Key]) -> Int? {
        let place = lowerBound(key, keys.count) { keys[$0] }
        return place < keys.count && keys[place] == key ? place : nil
    }

    /// How many of `count` ascending keys are below `key`.
    @inline(__always) private static func lowerBound(_ key: Key, _ count: Int, _ at: (Int) -> Key) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if at(middle) < key { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

/// Room on a host, or what a VM needs of it.
struct Free: Sendable, Equatable {
    var cpus: UInt64
    var memoryMiB: UInt64
    var diskGiB: UInt64

    static let none = Free(cpus: 0, memoryMiB: 0, diskGiB: 0)

    @inline(__always) func covers(_ demand: Free) -> Bool {
        cpus >= demand.cpus && memoryMiB >= demand.memoryMiB && diskGiB >= demand.diskGiB
    }

    @inline(__always) mutating func raise(to other: Free) {
        cpus = max(cpus, other.cpus)
        memoryMiB = max(memoryMiB, other.memoryMiB)
        diskGiB = max(diskGiB, other.diskGiB)
    }
}
