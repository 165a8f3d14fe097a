import Addressing
import NetworkModel
import NetworkPlanning
import Resources
import Testing

/// Prefixes of several lengths out of one pool.
@Suite struct DelegationAllocatorTests {
    private func allocator(_ prefixes: String...) throws -> DelegationAllocator {
        let name = try #require(Name("p"))
        return try DelegationAllocator(
            pools: prefixes.map { NamedPool(name, .delegation(try IPv6Prefix(parsing: $0))) })
    }

    @Test func `lengths mix without overlapping`() throws {
        var allocator = try allocator("2001:db8:d::/48")
        let given = try [60, 64, 56, 64, 60].map { length throws(PoolExhausted) in try allocator.next(length: length) }
        #expect(
            given.map(\.prefix.description) == [
                "2001:db8:d::/60", "2001:db8:d:10::/64", "2001:db8:d:100::/56", "2001:db8:d:200::/64",
                "2001:db8:d:210::/60",
            ])
        for (index, one) in given.enumerated() {
            for other in given[(index + 1)...] { #expect(!one.ordinals.overlaps(other.ordinals)) }
        }
    }

    @Test func `a pool gives all of it, then says that it is empty`() throws {
        var allocator = try allocator("2001:db8:d::/56")
        #expect(Set(try (0..<16).map { _ throws(PoolExhausted) in try allocator.next(length: 60) }).count == 16)
        let error = #expect(throws: PoolExhausted.self) { try allocator.next(length: 64) }
        #expect(error?.description.contains("'p' (2001:db8:d::/56)") == true)
    }

    @Test func `what is released comes back, also as a longer one`() throws {
        var allocator = try allocator("2001:db8:d::/60")
        let whole = try allocator.next(length: 60)
        #expect(throws: PoolExhausted.self) { try allocator.next(length: 64) }
        allocator.release(whole)
        #expect(try allocator.next(length: 64).prefix.length == 64)
        #expect(throws: PoolExhausted.self) { try allocator.next(length: 60) }
    }

    @Test func `a prefix shorter than the pool is not to be had`() throws {
        var allocator = try allocator("2001:db8:d:1::/64", "2001:db8:d:3::/64")
        #expect(throws: PoolExhausted.self) { try allocator.next(length: 63) }
    }

    @Test func `pools of prefixes for segments give nothing`() throws {
        var allocator = DelegationAllocator(pools: [
            NamedPool(try #require(Name("p")), .prefix(try IPv6Prefix(parsing: "fd00::/48")))
        ])
        #expect(throws: PoolExhausted.self) { try allocator.next(length: 60) }
    }
}
