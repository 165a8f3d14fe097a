import Addressing
import NetworkModel
import NetworkPlanning
import Resources
import SeededRandomness
import Testing

@Suite struct PoolAllocatorTests {
    private func name(_ text: String) throws -> Name { try #require(Name(text)) }

    private func vnis(_ from: Int, _ to: Int, _ text: String = "default") throws -> NamedPool {
        NamedPool(try name(text), .vni(from: try VNI(from), to: try VNI(to)))
    }

    private func prefixes(_ text: String, _ pool: String = "default") throws -> NamedPool {
        NamedPool(try name(pool), .prefix(try IPv6Prefix(parsing: text)))
    }

    @Test func `VNIs come in order, skip what is taken, and end with an error that names the pool`() throws {
        var allocator = VNIAllocator(pools: [try vnis(10, 13)], used: [try VNI(11)])
        #expect(try allocator.next().value == 10)
        #expect(try allocator.next().value == 12)
        #expect(try allocator.next().value == 13)
        let error = #expect(throws: PoolExhausted.self) { try allocator.next() }
        #expect(
            error?.description == "all values of type 'vni' are in use in pool 'default' (10 to 13); "
                + "raise the 'to' of one, or create another pool of type 'vni'")
    }

    @Test func `without a pool the error says that there is none`() {
        var allocator = PrefixAllocator()
        let error = #expect(throws: PoolExhausted.self) { try allocator.next() }
        #expect(error?.description == "there is no pool of type 'prefix'; create one (`kcnet pool create`)")
    }

    @Test func `a value that was released comes back only after all others`() throws {
        var allocator = VNIAllocator(pools: [try vnis(1, 3)])
        let first = try allocator.next()
        allocator.release(first)
        #expect(try allocator.next().value == 2)
        #expect(try allocator.next().value == 3)
        #expect(try allocator.next() == first)
    }

    @Test func `prefixes are the 64s of a pool, and parts of one another are in use together`() throws {
        var allocator = PrefixAllocator(pools: [try prefixes("fd00:0:0:8::/62")])
        #expect(try allocator.next().description == "fd00:0:0:8::/64")
        #expect(allocator.isUsed(try IPv6Prefix(parsing: "fd00::/48")))
        #expect(!allocator.take(try IPv6Prefix(parsing: "fd00:0:0:8:8000::/65")))
        #expect(allocator.take(try IPv6Prefix(parsing: "fd00:0:0:a::/63")))
        #expect(try allocator.next().description == "fd00:0:0:9::/64")
        #expect(throws: PoolExhausted.self) { try allocator.next() }
        #expect(allocator.free == 0)
        #expect(allocator.isInPools(try IPv6Prefix(parsing: "fd00:0:0:9::/64")))
        #expect(!allocator.isInPools(try IPv6Prefix(parsing: "fd00:0:0:c::/64")))
    }

    @Test func `no pool gives a link-local, multicast or unspecified prefix`() throws {
        var allocator = PrefixAllocator(pools: [try prefixes("::/63"), try prefixes("fe80::/9", "low")])
        #expect(try allocator.next().description == "0:0:0:1::/64")
        #expect(try allocator.next().description == "fec0::/64")
        var last = PrefixAllocator(pools: [try prefixes("ff00::/8")])
        #expect(throws: PoolExhausted.self) { try last.next() }
    }

    @Test func `MAC addresses begin with the octets of their pool and never are all zero`() throws {
        let zero = try #require(MACPrefix(value: 0))
        var allocator = MACAllocator(pools: [
            NamedPool(try name("a"), .mac(zero)), NamedPool(try name("b"), .mac(.standard)),
        ])
        #expect(try allocator.next().description == "00:00:00:00:00:01")
        allocator.replacePools(with: [NamedPool(try name("b"), .mac(.standard))])
        #expect(try allocator.next().description == "02:6b:63:00:00:00")
    }

    @Test func `changed pools keep what is in use`() throws {
        var allocator = VNIAllocator(pools: [try vnis(1, 2)])
        _ = try allocator.next()
        _ = try allocator.next()
        allocator.replacePools(with: [try vnis(1, 3, "wide"), try vnis(2, 4, "overlap")])
        #expect(allocator.free == 2)
        #expect(try allocator.next().value == 3)
        #expect(try allocator.next().value == 4)
        let error = #expect(throws: PoolExhausted.self) { try allocator.next() }
        #expect(error?.pools.map(\.name.text) == ["overlap", "wide"])
    }

    @Test(arguments: 1...50) func `no value is given twice, whatever is taken and released`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var allocator = VNIAllocator(pools: [try vnis(100, 160), try vnis(150, 180, "b")])
        var used: Set<VNI> = []
        for _ in 0..<400 {
            switch Int.random(in: 0..<3, using: &random) {
            case 0:
                do {
                    let value = try allocator.next()
                    #expect(used.insert(value).inserted, "seed \(seed): \(value) twice")
                } catch { #expect(used.filter { (100...180).contains($0.value) }.count == 81, "seed \(seed)") }
            case 1:
                let value = try VNI(UInt32.random(in: 90...190, using: &random))
                #expect(allocator.take(value) == used.insert(value).inserted, "seed \(seed)")
            default:
                if let value = used.sorted().randomElement(using: &random) {
                    used.remove(value)
                    allocator.release(value)
                }
            }
        }
    }

    @Test func `ten thousand prefixes and MAC addresses are given in half a second at most`() throws {
        var prefixes = PrefixAllocator(pools: [try prefixes("fd00::/32")])
        var macs = MACAllocator(pools: [NamedPool(try name("m"), .mac(.standard))])
        let clock = ContinuousClock()
        let time = try clock.measure {
            for _ in 0..<10_000 {
                _ = try prefixes.next()
                _ = try macs.next()
            }
        }
        #expect(time < .milliseconds(500), "\(time), also in a debug build on a busy machine")
    }

    @Test func `a router's MAC is a local unicast address that depends on the segment alone`() throws {
        let one = try #require(ResourceID("7d444840-9dc0-11d1-b245-5ffdce74fad2"))
        #expect(RouterMAC.derive(segment: one).description == "72:80:8a:3c:ba:4f")
        var random = SeededGenerator(seed: 7)
        var seen: Set<MACAddress> = []
        for _ in 0..<1000 {
            let mac = RouterMAC.derive(segment: randomID(&random))
            #expect(mac.isUsable && mac.isLocallyAdministered)
            seen.insert(mac)
        }
        #expect(seen.count == 1000)
    }
}
