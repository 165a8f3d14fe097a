import Diagnosis
import Testing

/// Whether the kernel's table of neighbours is large enough, as `kcnet doctor` sees it.
@Suite struct NeighbourTableTests {
    /// What Linux sets by itself.
    static func check(
        _ least: Int = 128, _ soft: Int = 512, _ hard: Int = 1024, entries: Int? = 40, refusals: Int? = 0,
        routed: Int = 0,
        guests: Int = 0
    ) -> Check {
        NeighbourTableCheck(
            thresholds: .init(least: least, soft: soft, hard: hard), entries: entries, refusals: refusals,
            routed: routed,
            guests: guests
        ).check
    }

    @Test func `what Linux sets is enough for few`() {
        #expect(Self.check().level == .ok)
        #expect(Self.check(routed: 128).level == .ok)
        #expect(Self.check(guests: 64).level == .ok)
        #expect(Self.check(entries: nil, refusals: nil).level == .ok)
    }

    @Test func `more than stay in the table is worth a word, and so is more than fit`() {
        for check in [Self.check(routed: 129), Self.check(guests: 65), Self.check(routed: 100, guests: 60)] {
            #expect(
                check.level == .warn && check.what.hasPrefix("above 512 IPv6 neighbours are thrown out"), "\(check)")
        }
        let check = Self.check(routed: 385)
        #expect(check.level == .warn && check.what.hasPrefix("1024 IPv6 neighbours fit"), "\(check)")
        #expect(
            check.next.hasPrefix(
                "sysctl -w net.ipv6.neigh.default.gc_thresh1=513; sysctl -w net.ipv6.neigh.default.gc_thresh2=1026; "
                    + "sysctl -w net.ipv6.neigh.default.gc_thresh3=2052,"), "\(check.next)")
    }

    @Test func `what is advised is enough`() throws {
        for (routed, guests) in [(385, 0), (10_000, 3000), (0, 65)] {
            let values = Self.check(routed: routed, guests: guests).next.split(whereSeparator: { !$0.isNumber })
                .compactMap { Int($0) }.filter { $0 > 6 }
            try #require(values.count == 3, "\(values)")
            #expect(Self.check(values[0], values[1], values[2], routed: routed, guests: guests).level == .ok)
        }
    }

    @Test func `a table that was full is worth a word, however small the cloud is`() {
        let check = Self.check(entries: 1024, refusals: 7)
        #expect(check.level == .warn && check.what.contains("was full 7 times, 1024 are there now"), "\(check)")
        #expect(check.next.contains("gc_thresh3=2048"))
    }

    @Test func `limits that cannot be read are said so`() {
        let check = NeighbourTableCheck(thresholds: nil, entries: nil, refusals: nil, routed: 1, guests: 1).check
        #expect(check.level == .warn && !check.next.isEmpty)
    }
}
