import Addressing
import NetworkModel
import NetworkPlanning
import Resources
import SeededRandomness
import Testing

@Suite struct NameTableTests {
    private func domain(_ text: String) throws -> DomainName { try DomainName(parsing: text) }
    private func id(_ number: Int) throws -> ResourceID {
        let digits = String(number, radix: 16)
        return try #require(
            ResourceID("00000000-0000-4000-8000-" + String(repeating: "0", count: 12 - digits.count) + digits))
    }
    private func name(_ attachment: String, _ segment: String = "blue", _ project: String = "default") throws
        -> AttachmentName
    {
        AttachmentName(
            attachment: try #require(Name(attachment)), segment: try #require(Name(segment)),
            project: try #require(Name(project)))
    }

    @Test func `an attachment has its name, and each address the name back`() throws {
        var table = NameTable()
        let (zone, reverse, web, project) = (try id(1), try id(2), try id(3), try id(4))
        _ = table.set(zone: zone, NamedZone(domain: try domain("cloud.example"), attachments: true))
        _ = table.set(zone: reverse, NamedZone(domain: try domain("8.b.d.0.1.0.0.2.ip6.arpa"), attachments: true))
        let address = try IPv6Address(parsing: "2001:db8::5")
        let other = try IPv6Address(parsing: "fd00::5")
        let link = try IPv6Address(parsing: "fe80::5")
        let changes = table.set(
            web,
            .attachment(NamedAttachment(name: try name("web"), project: project, addresses: [address, other, link])))
        let forward = RecordSetKey(try domain("web.blue.default.cloud.example"), .aaaa)
        #expect(changes[zone] == [forward])
        #expect(table.recordSet(forward, in: zone)?.data == [.aaaa(address), .aaaa(other)])
        let back = RecordSetKey(DomainName.reverse(address), .ptr)
        #expect(table.recordSet(back, in: reverse)?.data == [.ptr(forward.owner)])
        #expect(table.recordSets(in: reverse).count == 1, "fd00::5 has no zone, and link-local addresses have no names")
        #expect(table.holds(project, back, in: reverse))
        #expect(try !table.holds(id(9), back, in: reverse))
        #expect(table.set(web, nil)[zone] == [forward])
        #expect(table.recordSets(in: zone).isEmpty && table.recordSets(in: reverse).isEmpty)
    }

    @Test func `a zone in another one is delegated by the closest one above it, with the addresses of its servers`()
        throws
    {
        var table = NameTable()
        let (top, middle, inner, server) = (try id(1), try id(2), try id(3), try id(4))
        let address = try IPv6Address(parsing: "2001:db8:53::1")
        _ = table.set(server, .server(try #require(Name("h1")), [address]))
        _ = table.set(zone: top, NamedZone(domain: try domain("example"), attachments: true))
        _ = table.set(
            zone: inner,
            NamedZone(domain: try domain("a.b.example"), attachments: false, nameServers: [try domain("ns.else")]))
        let cut = RecordSetKey(try domain("a.b.example"), .ns)
        let glue = RecordSetKey(try domain("h1.ns.a.b.example"), .aaaa)
        let servers: [RecordData] = [.ns(try domain("h1.ns.a.b.example")), .ns(try domain("ns.else"))]
        #expect(table.recordSet(cut, in: top)?.data == servers)
        #expect(table.recordSet(glue, in: top)?.data == [.aaaa(address)])
        #expect(table.recordSet(cut, in: inner) == nil, "its own NS are no records of its table")
        // One in between takes the delegation over, and is itself delegated.
        let changes = table.set(zone: middle, NamedZone(domain: try domain("b.example"), attachments: false))
        #expect(changes[top]?.contains(cut) == true && changes[middle]?.contains(cut) == true)
        #expect(table.recordSet(cut, in: middle)?.data == servers)
        #expect(table.recordSet(cut, in: top) == nil && table.recordSet(glue, in: top) == nil)
        #expect(table.recordSet(RecordSetKey(try domain("b.example"), .ns), in: top)?.data.count == 1)
        _ = table.set(zone: inner, nil)
        #expect(table.recordSet(cut, in: middle) == nil)
    }

    @Test func `a mapping's IPv4 address has the attachment's name, both ways`() throws {
        var table = NameTable()
        let (zone, reverse, mapping, project) = (try id(1), try id(2), try id(3), try id(4))
        _ = table.set(zone: zone, NamedZone(domain: try domain("cloud.example"), attachments: true))
        _ = table.set(zone: reverse, NamedZone(domain: try domain("113.0.203.in-addr.arpa"), attachments: true))
        let address = IPv4Address(0xcb00_7105)
        _ = table.set(
            mapping, .mapping(NamedMapping(name: try name("web"), project: project, address: address)))
        let forward = try domain("web.blue.default.cloud.example")
        #expect(table.recordSet(RecordSetKey(forward, .a), in: zone)?.data == [.a(address)])
        let back = RecordSetKey(try domain("5.113.0.203.in-addr.arpa"), .ptr)
        #expect(table.recordSet(back, in: reverse)?.data == [.ptr(forward)])
        _ = table.set(mapping, nil)
        #expect(table.recordSets(in: zone).isEmpty && table.recordSets(in: reverse).isEmpty)
    }

    @Test func `an address inside a segment with IPv4 has the attachment's name, unless a mapping stands for it`()
        throws
    {
        var table = NameTable()
        let (zone, reverse, web, project) = (try id(1), try id(2), try id(3), try id(4))
        _ = table.set(zone: zone, NamedZone(domain: try domain("cloud.example"), attachments: true))
        _ = table.set(zone: reverse, NamedZone(domain: try domain("10.in-addr.arpa"), attachments: true))
        let address = IPv4Address(0x0a00_0005)
        let forward = RecordSetKey(try domain("web.blue.default.cloud.example"), .a)
        let back = RecordSetKey(try domain("5.0.0.10.in-addr.arpa"), .ptr)
        for isMapped in [false, true] {
            _ = table.set(
                web,
                .attachment(
                    NamedAttachment(
                        name: try name("web"), project: project, addresses: [], ipv4: address, isMapped: isMapped)))
            #expect(table.recordSet(forward, in: zone)?.data == (isMapped ? nil : [.a(address)]))
            #expect(table.recordSet(back, in: reverse)?.data == [.ptr(forward.owner)])
        }
    }

    @Test func `the reverse of an address is its holder's to write, and only while it is the holder`() throws {
        var table = NameTable()
        let (reverse, web, record, project, stranger) = (try id(2), try id(3), try id(5), try id(4), try id(6))
        _ = table.set(zone: reverse, NamedZone(domain: try domain("8.b.d.0.1.0.0.2.ip6.arpa"), attachments: true))
        let address = try IPv6Address(parsing: "2001:db8::5")
        let key = RecordSetKey(DomainName.reverse(address), .ptr)
        let mail = RecordData.ptr(try domain("mail.example"))
        func written(by project: ResourceID) -> NameSource {
            .record(NamedRecord(zone: reverse, project: project, owner: key.owner, ttl: nil, data: [mail]))
        }
        _ = table.set(record, written(by: project))
        #expect(table.recordSet(key, in: reverse) == nil)
        _ = table.set(
            web, .attachment(NamedAttachment(name: try name("web"), project: project, addresses: [address])))
        #expect(table.recordSet(key, in: reverse)?.data == [mail])
        _ = table.set(record, written(by: stranger))
        #expect(table.recordSet(key, in: reverse) == nil, "nobody has a name for it, and a stranger may not")
        _ = table.set(record, written(by: project))
        _ = table.set(web, nil)
        #expect(table.recordSet(key, in: reverse) == nil)
    }

    @Test func `a delegated prefix may be delegated in its reverse zone, at every nibble it ends in`() throws {
        var table = NameTable()
        let (reverse, router, project) = (try id(2), try id(3), try id(4))
        _ = table.set(zone: reverse, NamedZone(domain: try domain("8.b.d.0.1.0.0.2.ip6.arpa"), attachments: true))
        _ = table.set(
            router,
            .attachment(
                NamedAttachment(
                    name: try name("r"), project: project, addresses: [],
                    delegated: try IPv6Prefix(parsing: "2001:db8:0:10::/62"))))
        for part in ["2001:db8:0:10::/64", "2001:db8:0:13::/64"] {
            let owner = try #require(DomainName.reverse(try IPv6Prefix(parsing: part)))
            #expect(table.holds(project, RecordSetKey(owner, .ns), in: reverse))
        }
        let beside = try #require(DomainName.reverse(try IPv6Prefix(parsing: "2001:db8:0:14::/64")))
        #expect(!table.holds(project, RecordSetKey(beside, .ns), in: reverse))
    }

    @Test func `an alias gives way to what else stands at its name, and comes back`() throws {
        var table = NameTable()
        let (zone, alias, other, project) = (try id(1), try id(2), try id(3), try id(4))
        _ = table.set(zone: zone, NamedZone(domain: try domain("a.example"), attachments: false))
        let owner = try domain("www.a.example")
        let cname = RecordSetKey(owner, .cname)
        func record(_ data: RecordData) -> NameSource {
            .record(NamedRecord(zone: zone, project: project, owner: owner, ttl: nil, data: [data]))
        }
        _ = table.set(alias, record(.cname(try domain("b.example"))))
        #expect(table.recordSet(cname, in: zone) != nil)
        let changes = table.set(other, record(.txt("x")))
        #expect(changes[zone]?.contains(cname) == true)
        #expect(table.recordSet(cname, in: zone) == nil)
        #expect(table.set(other, nil)[zone]?.contains(cname) == true)
        #expect(table.recordSet(cname, in: zone) != nil)
    }

    /// One world of zones and sources, changed at random.
    private struct Cloud {
        var random: SeededGenerator
        var zones: [ResourceID: NamedZone] = [:]
        var sources: [ResourceID: NameSource] = [:]
    }

    private func zone(_ cloud: inout Cloud) throws -> NamedZone {
        let domains = [
            "cloud.example", "other.example", "b.cloud.example", "0.0.d.f.ip6.arpa", "d.f.ip6.arpa",
            "2.0.192.in-addr.arpa",
        ]
        let text = domains[Int.random(in: 0..<domains.count, using: &cloud.random)]
        let projects = Bool.random(using: &cloud.random) ? [] : [try id(Int.random(in: 50..<53, using: &cloud.random))]
        return NamedZone(
            domain: try domain(text), attachments: Int.random(in: 0..<4, using: &cloud.random) > 0,
            projects: Set(projects))
    }

    private func source(_ cloud: inout Cloud) throws -> NameSource {
        let project = try id(Int.random(in: 50..<53, using: &cloud.random))
        let name = try name("a\(Int.random(in: 0..<4, using: &cloud.random))")
        let address = IPv6Address(high: 0xfd00 << 48, low: UInt64.random(in: 1...6, using: &cloud.random))
        switch Int.random(in: 0..<5, using: &cloud.random) {
        case 0:
            return .mapping(
                NamedMapping(
                    name: name, project: project,
                    address: IPv4Address(0xc000_0200 + .random(in: 1...4, using: &cloud.random))))
        case 1:
            return .server(try #require(Name("h\(Int.random(in: 1...2, using: &cloud.random))")), [address])
        case 2:
            let zone = try id(Int.random(in: 0..<6, using: &cloud.random))
            let owner =
                Bool.random(using: &cloud.random)
                ? DomainName.reverse(address) : try domain("x.cloud.example")
            let data: RecordData = Bool.random(using: &cloud.random) ? .ptr(try domain("m.example")) : .txt("t")
            return .record(
                NamedRecord(zone: zone, project: project, owner: owner, ttl: TimeToLive(seconds: 5), data: [data]))
        default:
            return .attachment(
                NamedAttachment(
                    name: name, project: project, addresses: [address, IPv6Address(high: 0xfd00 << 48, low: 9)]))
        }
    }

    @Test func `any changes lead to what the same things give at once, and tell every set that differs`() throws {
        // The first of them once showed two zones of one domain, of which now one and now the other was above a third.
        for seed in [17_379_540_141_036_196_679, UInt64.random(in: .min ... .max)] { try change(seed) }
    }

    private func change(_ seed: UInt64) throws {
        var cloud = Cloud(random: SeededGenerator(seed: seed))
        var table = NameTable()
        var told: [ResourceID: [RecordSetKey: RecordSet]] = [:]
        for step in 0..<1500 {
            let changes: NameTable.Changes
            if Int.random(in: 0..<6, using: &cloud.random) == 0 {
                let id = try id(Int.random(in: 0..<6, using: &cloud.random))
                let new = Bool.random(using: &cloud.random) ? try zone(&cloud) : nil
                cloud.zones[id] = new
                changes = table.set(zone: id, new)
            } else {
                let id = try id(Int.random(in: 100..<120, using: &cloud.random))
                let new = Int.random(in: 0..<3, using: &cloud.random) > 0 ? try source(&cloud) : nil
                cloud.sources[id] = new
                changes = table.set(id, new)
            }
            // A follower who is told of the changed sets alone has everything.
            for (zone, keys) in changes {
                for key in keys { told[zone, default: [:]][key] = table.recordSet(key, in: zone) }
            }
            guard step % 50 == 0 else { continue }
            var fresh = NameTable()
            for (id, source) in cloud.sources.shuffled(using: &cloud.random) { _ = fresh.set(id, source) }
            for (id, zone) in cloud.zones.shuffled(using: &cloud.random) { _ = fresh.set(zone: id, zone) }
            for zone in cloud.zones.keys {
                let sets = fresh.recordSets(in: zone)
                #expect(table.recordSets(in: zone) == sets, "seed \(seed), step \(step)")
                #expect(
                    (told[zone] ?? [:]) == Dictionary(uniqueKeysWithValues: sets.map { ($0.key, $0) }),
                    "seed \(seed), step \(step)")
            }
        }
    }
}
