import Addressing
import SeededRandomness
import Testing

@Suite struct LinkValueTests {
    @Test func `a MAC makes the identifier of RFC 4291 and comes back from it`() throws {
        // The worked example of RFC 4291 appendix A.
        let mac = try MACAddress(parsing: "34:56:78:9A:BC:DE")
        #expect(mac.description == "34:56:78:9a:bc:de")
        #expect(IPv6Address.linkLocal(mac).description == "fe80::3656:78ff:fe9a:bcde")
        var random = SeededGenerator(printedFor: "EUI-64")
        for _ in 0..<5000 {
            let mac = MACAddress(random.next())
            #expect(MACAddress(modifiedEUI64: mac.modifiedEUI64) == mac)
            #expect(MACAddress(bytes: mac.bytes) == mac)
            #expect(try MACAddress(parsing: mac.description) == mac)
        }
        #expect(MACAddress(modifiedEUI64: 1) == nil)
    }

    @Test(arguments: [
        "", "00:11:22:33:44", "00:11:22:33:44:5", "00:11:22:33:44:55:66", "00:11-22:33:44:55", "0g:11:22:33:44:55",
        "001122334455", "00:11:22:33:44:55\n", "0011.2233.4455",
    ])
    func `a text that is no MAC is refused`(text: String) {
        #expect(throws: AddressingError.self) { try MACAddress(parsing: text) }
    }

    @Test func `group and zero addresses are not usable by a port`() throws {
        #expect(try !MACAddress(parsing: "01:00:5e:00:00:01").isUsable)
        #expect(try !MACAddress(parsing: "ff:ff:ff:ff:ff:ff").isUsable)
        #expect(!MACAddress(0).isUsable)
        #expect(try MACAddress(parsing: "02-6b-63-00-00-01").isUsable)
    }

    @Test func `VNIs have 24 bits and name their devices`() throws {
        #expect(throws: AddressingError.self) { try VNI(0) }
        #expect(throws: AddressingError.self) { try VNI(1 << 24) }
        #expect(throws: AddressingError.self) { try VNI(-1) }
        let vni = try VNI(300)
        #expect(InterfaceName.vxlan(vni).text == "kcx00012c")
        #expect(InterfaceName.bridge(vni).text == "kcb00012c")
        #expect(InterfaceName.gatewaySegment(vni).text == "seg00012c")
    }

    @Test func `groups are the base plus the VNI modulo the count`() throws {
        let standard = MulticastGroups.standard
        #expect(standard.group(for: try VNI(300)).description == "ff15::8b00:2c")
        #expect(standard.group(for: try VNI(256)).description == "ff15::8b00:0")
        let own = try MulticastGroups(base: IPv6Address(parsing: "ff18::1:0"), count: 0)
        #expect(own.group(for: try VNI(0xffffff)).description == "ff18::100:ffff")
        #expect(throws: AddressingError.self) { try MulticastGroups(base: IPv6Address(parsing: "fe80::"), count: 1) }
        #expect(throws: AddressingError.self) { try MulticastGroups(base: IPv6Address(parsing: "ff11::"), count: 1) }
        #expect(throws: AddressingError.self) {
            try MulticastGroups(base: IPv6Address(parsing: "ff15::ffff:ffff"), count: 2)
        }
        #expect(throws: AddressingError.self) {
            try MulticastGroups(base: IPv6Address(parsing: "ff15::ff80:0"), count: 0)
        }
    }

    @Test func `the segment MTU is the underlay's less 70, and never below 1280`() throws {
        #expect(try MTU(1500).insideVXLAN().bytes == 1430)
        #expect(try MTU(1350).insideVXLAN().bytes == 1280)
        #expect(throws: AddressingError.self) { try MTU(1349).insideVXLAN() }
        #expect(throws: AddressingError.self) { try MTU(1279) }
        #expect(throws: AddressingError.self) { try MTU(65536) }
    }

    @Test(arguments: [
        "", "a234567890123456", "a/b", "a b", "a\nb", "ä", "-x", ".", "..", "a:b", "a\"b", "all", "default",
    ])
    func `a text that is no interface name is refused`(text: String) {
        #expect(throws: AddressingError.self) { try InterfaceName(text) }
    }

    @Test func `derived names fit 15 bytes and differ with the id`() throws {
        var random = SeededGenerator(printedFor: "names")
        var seen: Set<InterfaceName> = []
        for _ in 0..<10_000 {
            let id = (0..<16).map { _ in UInt8.random(in: 0...255, using: &random) }
            let name = InterfaceName.port(id)
            #expect(name.text.utf8.count == 13)
            #expect(try InterfaceName(name.text) == name)
            seen.insert(name)
        }
        #expect(seen.count == 10_000)
        // RFC 4648 section 10: "foobar" is MZXW6YTBOI.
        #expect(base32(Array("foobar".utf8), length: 10) == "mzxw6ytboi")
    }

    @Test func `an error never carries more than 64 bytes of the input`() {
        let error = AddressingError(type: "VNI", value: String(repeating: "x", count: 1_000_000), rule: "is long")
        #expect(error.value.utf8.count == 64)
    }
}
