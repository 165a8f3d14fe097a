import Addressing
import SeededRandomness
import Testing

@Suite struct DomainNameTests {
    @Test func `names are read in any case, with the last dot or without, and written in lower case`() throws {
        #expect(try DomainName(parsing: "Web.Blue.Example.").description == "web.blue.example")
        #expect(try DomainName(parsing: "_http._tcp.example") == DomainName(parsing: "_http._tcp.example."))
        #expect(try DomainName(parsing: ".").isRoot)
        #expect(try DomainName(parsing: "*.example").isWildcard)
    }

    @Test(arguments: [
        "", "a..b", ".a", "a b", "a\nb IN A 192.0.2.1", "a;b", "a\"b", "a\\b", "$include", "a.@", "ü.example", "-a.b",
        "a-.b", "a.*", "(", String(repeating: "a", count: 64),
        Array(repeating: "abcdefg", count: 32).joined(separator: "."),
    ])
    func `what could be more than a name is none`(_ text: String) {
        #expect(throws: AddressingError.self) { try DomainName(parsing: text) }
    }

    @Test func `a name knows what is within it`() throws {
        let zone = try DomainName(parsing: "cloud.example")
        let name = try zone.prepending(["web", "blue"])
        #expect(name.description == "web.blue.cloud.example")
        #expect(name.isWithin(zone) && !zone.isWithin(name) && zone.isWithin(.root))
        #expect(name.labels(below: zone) == ["web", "blue"])
        #expect(try !DomainName(parsing: "notcloud.example").isWithin(zone))
        #expect(throws: AddressingError.self) { try zone.prepending(["a b"]) }
    }

    @Test func `reverse names are those of RFC 3596 and RFC 1035`() throws {
        let address = try IPv6Address(parsing: "2001:db8::567:89ab")
        #expect(
            DomainName.reverse(address).description
                == "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa")
        #expect(
            DomainName.reverse(try IPv6Prefix(parsing: "2001:db8::/32"))?.description == "8.b.d.0.1.0.0.2.ip6.arpa")
        #expect(DomainName.reverse(try IPv6Prefix(parsing: "2001:db8::/33")) == nil)
        #expect(
            DomainName.reverse(try IPv4Address(parsing: "203.0.113.5")).description == "5.113.0.203.in-addr.arpa")
        #expect(
            try DomainName(parsing: "113.0.203.in-addr.arpa").reversePrefix4 == IPv4Prefix(parsing: "203.0.113.0/24"))
        for wrong in [
            "1.2.ip6.example", "10.ip6.arpa", "g.ip6.arpa", "256.in-addr.arpa", "01.in-addr.arpa", "a.example",
        ] {
            let name = try DomainName(parsing: wrong)
            #expect(name.reversePrefix6 == nil && name.reversePrefix4 == nil, "\(wrong)")
        }
    }

    @Test func `a prefix and its reverse name are one`() throws {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededGenerator(seed: seed)
        for _ in 0..<2000 {
            let address = IPv6Address(
                high: .random(in: .min ... .max, using: &random), low: .random(in: .min ... .max, using: &random))
            let prefix = IPv6Prefix(containing: address, length: 4 * Int.random(in: 0...32, using: &random))
            let name = try #require(DomainName.reverse(prefix))
            #expect(name.reversePrefix6 == prefix, "seed \(seed)")
            #expect(try DomainName(parsing: name.absolute) == name, "seed \(seed)")
            #expect(DomainName.reverse(prefix.address).isWithin(name), "seed \(seed)")
        }
    }

    @Test(arguments: [
        (RecordType.a, "192.0.2.1"), (.aaaa, "2001:db8::1"), (.cname, "www.example"), (.mx, "10 mail.example"),
        (.mx, "0 ."), (.ns, "ns1.example"), (.ptr, "host.example"), (.srv, "10 5 443 host.example"),
        (.txt, "v=spf1 \"quoted\" \\ ; ü"), (.caa, "0 issue letsencrypt.org; validationmethods=dns-01"),
    ])
    func `a value is written as it was read`(_ type: RecordType, _ text: String) throws {
        let data = try RecordData(type, parsing: text)
        #expect(data.type == type)
        #expect(data.description == text)
    }

    @Test(arguments: [
        (RecordType.a, "192.0.2.1\n@ IN NS evil."), (.a, "2001:db8::1"), (.aaaa, "fe80::1%eth0"), (.cname, "a b"),
        (.cname, "*.example"), (.mx, "mail.example"), (.mx, "65536 mail.example"), (.mx, "10  mail.example"),
        (.srv, "1 2 99999 a.example"), (.srv, "1 2 -3 a.example"), (.srv, "1 2 3 $INCLUDE"),
        (.txt, "line\nbreak"), (.txt, "nul\0"), (.txt, String(repeating: "x", count: 4097)),
        (.caa, "0 Issue a"), (.caa, "256 issue a"), (.caa, "0 issue a\nb"),
    ])
    func `what is not of its type is refused`(_ type: RecordType, _ text: String) {
        #expect(throws: AddressingError.self) { try RecordData(type, parsing: text) }
    }
}
