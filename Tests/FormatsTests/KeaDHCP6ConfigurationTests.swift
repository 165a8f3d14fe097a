import Addressing
import DaemonConfigs
import Testing

@Suite struct KeaDHCP6ConfigurationTests {
    static func subnet(_ vni: UInt32, reservations: [KeaDHCP6Configuration.Reservation] = []) throws
        -> KeaDHCP6Configuration.Subnet
    {
        KeaDHCP6Configuration.Subnet(
            vni: try VNI(vni), prefix: try IPv6Prefix(parsing: "fd00:0:0:\(String(vni, radix: 16))::/64"),
            resolvers: [try IPv6Address(parsing: "fd00::53")], reservations: reservations)
    }

    static func reservation(_ last: UInt64) throws -> KeaDHCP6Configuration.Reservation {
        KeaDHCP6Configuration.Reservation(
            mac: MACAddress(0x026b_6300_0000 | last), addresses: [IPv6Address(high: 0xfd00 << 48 | 1, low: last)],
            prefix: last == 2 ? try IPv6Prefix(parsing: "fd00:d:0:10::/60") : nil)
    }

    private func configuration(_ subnets: [KeaDHCP6Configuration.Subnet]) -> KeaDHCP6Configuration {
        KeaDHCP6Configuration(identity: MACAddress(0x7200_0000_0001), subnets: subnets)
    }

    @Test func `equal values in another order are the same text`() throws {
        let (one, two) = (try Self.reservation(1), try Self.reservation(2))
        let text = configuration([try Self.subnet(1, reservations: [one, two]), try Self.subnet(2)]).text
        #expect(text == configuration([try Self.subnet(2), try Self.subnet(1, reservations: [two, one])]).text)
    }

    @Test func `a text tells what it listens on`() throws {
        let text = configuration([try Self.subnet(0x12c), try Self.subnet(1)]).text
        #expect(KeaDHCP6Configuration.interfaces(of: text) == ["seg000001", "seg00012c"])
        #expect(KeaDHCP6Configuration.interfaces(of: configuration([]).text) == [])
    }

    @Test func `a text tells what is kept for a client`() throws {
        let kept = [try Self.reservation(1), try Self.reservation(2)]
        let text = configuration([try Self.subnet(1, reservations: kept)]).text
        let one = KeaDHCP6Configuration.reserved(for: kept[0].mac, in: text)
        #expect(one.addresses == ["fd00:0:0:1::1"] && one.prefixes == [])
        let two = KeaDHCP6Configuration.reserved(for: kept[1].mac, in: text)
        #expect(two.addresses == ["fd00:0:0:1::2"] && two.prefixes == ["fd00:d:0:10::"])
        let stranger = KeaDHCP6Configuration.reserved(for: MACAddress(0x026b_6300_0003), in: text)
        #expect(stranger.addresses.isEmpty && stranger.prefixes.isEmpty)
    }

    @Test func `nothing is given out that is not reserved`() throws {
        let text = configuration([try Self.subnet(1, reservations: [try Self.reservation(1)])]).text
        #expect(!text.contains("pools"))
        #expect(text.contains(#""ip-addresses": ["fd00:0:0:1::1"]"#))
        #expect(text.contains(#""identifier": "720000000001""#))
    }
}
