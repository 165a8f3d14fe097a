import Addressing
import DaemonConfigs
import FoundationEssentials
import Glibc
import LinuxDaemons
import LinuxProcesses
import NetworkModel
import NetworkPlanning
import NodePorts
import Resources
import SeededRandomness
import TestNamespaces
import Testing
import Waiting

/// The supervisor, the files and keys, with the real Knot: what a client gets is what was meant.
@Suite(.serialized) final class KnotTests: Sendable {
    let namespace: TestNamespace
    let root: String
    let server: KnotNameServer
    let supervisor: ProcessSupervisor

    init() throws {
        namespace = try TestNamespace("kckn")
        root = "/tmp/kc-knot-\(namespace.name)"
        server = try KnotNameServer(runDirectory: root + "/run", stateDirectory: root + "/state")
        supervisor = ProcessSupervisor(runDirectory: root + "/run/daemons") { _, _ in }
    }

    deinit {
        // Whatever a failed test left: only the process of this test's own directory.
        if let text = FileManager.default.contents(atPath: root + "/run/daemons/knot/pid"),
            let pid = Int32(String(decoding: text, as: UTF8.self).prefix { $0.isNumber }), pid > 1
        {
            kill(pid, SIGKILL)
        }
        // Temporary files that cannot be removed are the system's to remove.
        try? FileManager.default.removeItem(atPath: root)
    }

    private func zone(_ domain: String, key: Bool = true, secondaries: [Zone.Secondary]) throws -> DesiredZone {
        DesiredZone(
            id: try #require(ResourceID("00000000-0000-4000-8000-00000000000\(key ? 1 : 2)")), generation: 1,
            domain: try DomainName(parsing: domain), ttl: .standard, secondaries: secondaries,
            signingKey: key ? SigningKey(octets: (1...32).map { UInt8($0) }) : nil,
            nameServers: [try DomainName(parsing: "h1.ns.\(domain)")])
    }

    private func configuration(_ zones: [DesiredZone], keys: [Name: TransferSecret] = [:]) -> (
        KnotConfiguration, problems: [ResourceID: String]
    ) {
        let places = server.places
        return NameServerPlan.configuration(
            zones,
            NameServerPlan.Surroundings(
                addresses: [.loopback], run: places.run, storage: places.storage, pidFile: places.pidFile, keys: keys))
    }

    private func start(_ zones: [DesiredZone]) async throws {
        try await supervisor.ensure(
            DaemonSpec(
                program: .knot, instance: DaemonInstance.nameServer, namespace: namespace.name.text,
                configuration: configuration(zones).0.text))
    }

    private func dig(_ words: String...) throws -> [String] {
        try namespace.run(["dig", "@::1", "+time=1", "+tries=1"] + words).split(separator: "\n").map(String.init)
            .filter { !$0.hasPrefix(";") && !$0.isEmpty }
    }

    private static func random(_ number: Int, in domain: DomainName, _ random: inout SeededGenerator) throws
        -> RecordSet
    {
        let owner = try domain.prepending(["n\(number)", ["a", "_tcp", "x-y", "*"][number % 4]].reversed())
        let target = try DomainName(parsing: "t\(number).example")
        let data: RecordData
        switch Int.random(in: 0..<8, using: &random) {
        case 0: data = .a(IPv4Address(.random(in: .min ... .max, using: &random)))
        case 1:
            data = .aaaa(
                IPv6Address(
                    high: .random(in: .min ... .max, using: &random), low: .random(in: .min ... .max, using: &random)))
        case 2: data = .mx(preference: .random(in: .min ... .max, using: &random), target)
        case 3:
            data = .srv(
                priority: .random(in: .min ... .max, using: &random), weight: 1,
                port: .random(in: .min ... .max, using: &random), target)
        case 4: data = .ptr(target)
        case 5: data = try RecordData(.caa, parsing: "0 issue \"a\\; b\" $INCLUDE /etc/passwd (")
        default:
            let scalars = (0..<Int.random(in: 1...600, using: &random)).map { _ -> Character in
                let odd: [Character] = ["\"", "\\", ";", "(", ")", "$", "@", " ", "ü", "字"]
                return Bool.random(using: &random)
                    ? odd[Int.random(in: 0..<odd.count, using: &random)]
                    : Character(Unicode.Scalar(UInt8.random(in: 0x20...0x7e, using: &random)))
            }
            data = try RecordData(.txt, parsing: String(scalars))
        }
        return RecordSet(RecordSetKey(owner, data.type), ttl: .standard, [data])
    }

    /// The octets of quoted strings as dig prints them.
    private static func octets(quoted text: Substring) -> [UInt8] {
        var octets: [UInt8] = []
        var rest = Array(text.utf8)[...]
        var isInside = false
        while let octet = rest.popFirst() {
            switch octet {
            case UInt8(ascii: "\""): isInside.toggle()
            case UInt8(ascii: "\\"):
                let digits = rest.prefix(3)
                if digits.allSatisfy({ (48...57).contains($0) }), digits.count == 3 {
                    octets.append(UInt8(digits.reduce(0) { $0 * 10 + Int($1 - 48) }))
                    rest = rest.dropFirst(3)
                } else if let next = rest.popFirst() {
                    octets.append(next)
                }
            default: if isInside { octets.append(octet) }
            }
        }
        return octets
    }

    @Test func `what a client transfers is what was written, whatever stands in the values`() async throws {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededGenerator(seed: seed)
        let zone = try zone("cloud.example", key: false, secondaries: [Zone.Secondary(address: .loopback)])
        var sets: [RecordSetKey: RecordSet] = [:]
        for number in 0..<200 {
            let set = try Self.random(number, in: zone.domain, &random)
            sets[set.key] = set
        }
        try await server.write(NameServerPlan.file(zone, sets), of: zone.id)
        try await start([zone])
        var lines: [String] = []
        try await eventually {
            lines = try self.dig("cloud.example", "AXFR", "+onesoa")
            return lines.count == sets.count + 2
        }
        for line in lines {
            let fields = line.split(maxSplits: 4, omittingEmptySubsequences: true) { $0 == " " || $0 == "\t" }
            guard fields.count == 5, let type = RecordType(rawValue: String(fields[3])), type != .ns else { continue }
            let owner = try DomainName(parsing: fields[0])
            let expected = try #require(sets[RecordSetKey(owner, type)]?.data.first, "seed \(seed): \(line)")
            switch expected {
            case .txt(let text): #expect(Self.octets(quoted: fields[4]) == Array(text.utf8), "seed \(seed): \(line)")
            case .caa(_, _, let value):
                #expect(Self.octets(quoted: fields[4]) == Array(value.utf8), "seed \(seed): \(line)")
            default: #expect(fields[4] == expected.presentation, "seed \(seed)")
            }
        }
        try await supervisor.stop(instance: DaemonInstance.nameServer, withdraw: true)
    }

    @Test func `a zone is signed with the key it is given, takes changes, and forgets all when it goes`() async throws {
        let zone = try zone("cloud.example", secondaries: [])
        let key = try #require(zone.signingKey)
        let signer = try await server.install(key, of: zone.domain)
        #expect(try await server.install(key, of: zone.domain) == signer, "again changes nothing")
        let owner = try DomainName(parsing: "web.cloud.example")
        let web = RecordSetKey(owner, .aaaa)
        func give(_ address: String) async throws {
            let set = RecordSet(web, ttl: .standard, [.aaaa(try IPv6Address(parsing: address))])
            try await server.write(NameServerPlan.file(zone, [web: set]), of: zone.id)
        }
        try await give("2001:db8::1")
        try await start([zone])
        try await eventually { try self.dig("web.cloud.example", "AAAA", "+short") == ["2001:db8::1"] }
        // What is not there is denied without the names of what is.
        let denial = try dig("none.cloud.example", "AAAA", "+dnssec", "+noall", "+authority").joined(separator: "\n")
        #expect(denial.contains(" NSEC3 1 0 0 - "), "\(denial)")
        #expect(!denial.contains("NSEC ") && !denial.contains("web"), "\(denial)")
        // Its own DNSKEY gives the DS that the zone above is told.
        let words = signer.split(separator: " ")
        #expect(try dig("web.cloud.example", "RRSIG", "+short").contains { $0.contains(" \(words[3]) cloud.example.") })
        let (end, output) = try ChildProcess.run(
            "/usr/sbin/keymgr", ["-D", root + "/state/dns/keys", "cloud.example.", "ds"], within: .seconds(5))
        #expect(end == .exited(0) && output.contains("13 2 \(words.last ?? "")"), "\(output) has \(signer)")
        try await give("2001:db8::2")
        try await server.reload([zone.domain])
        try await eventually { try self.dig("web.cloud.example", "AAAA", "+short") == ["2001:db8::2"] }
        // Another key in the place of the first: as when a zone of the same name is made anew.
        let other = try #require(SigningKey(octets: (2...33).map { UInt8($0) }))
        #expect(try await server.install(other, of: zone.domain) != signer)
        try await supervisor.stop(instance: DaemonInstance.nameServer, withdraw: true)
        try await server.keep([], keysOf: [])
        #expect(!FileManager.default.fileExists(atPath: root + "/state/dns/keys"))
        #expect(!FileManager.default.fileExists(atPath: root + "/state/dns/zones"))
    }

    @Test func `the daemons' own checkers take every configuration, and refuse a broken one`() async throws {
        let key = try #require(Name("xfr"))
        let address = try IPv6Address(parsing: "2001:db8::53")
        let zones = [
            try zone(
                "cloud.example",
                secondaries: [
                    Zone.Secondary(address: address, key: key), Zone.Secondary(address: .loopback),
                ]),
            try zone("0.0.d.f.ip6.arpa", key: false, secondaries: [Zone.Secondary(address: address, key: key)]),
        ]
        let secret = try #require(TransferSecret(base64: "a2Mtc2VjcmV0LW9mLTMyLW9jdGV0cy1mb3ItdGVzdHM="))
        let (full, none) = configuration(zones, keys: [key: secret])
        #expect(none.isEmpty && full.zones.map(\.secondaries.count) == [1, 2])
        let (bare, problems) = configuration(zones)
        #expect(problems.count == 2 && problems.values.allSatisfy { $0.contains("tsig/xfr.key") })
        #expect(bare.zones.map(\.secondaries.count) == [0, 1], "nobody gets a zone without the key it needs")
        func check(_ program: String, _ before: [String], _ text: String, _ after: [String] = []) throws -> ProcessEnd {
            let file = root + "/candidate"
            try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
            try text.write(toFile: file, atomically: true, encoding: .utf8)
            return try ChildProcess.run(program, before + [file] + after, within: .seconds(10)).0
        }
        for text in [full.text, bare.text, configuration([]).0.text] {
            #expect(try check("/usr/sbin/knotc", ["-c"], text, ["conf-check"]) == .exited(0), "\(text)")
        }
        #expect(try check("/usr/sbin/knotc", ["-c"], full.text + "nonsense", ["conf-check"]) != .exited(0))
        let resolver = UnboundConfiguration(
            clients: [try IPv6Prefix(parsing: "fd00::/64")], zones: zones.map(\.domain), servers: [address],
            forwarders: [address], dns64: try IPv6Prefix(parsing: "64:ff9b::/96"),
            views: [
                .init(
                    segment: try InterfaceName("seg000001"), clients: try IPv6Prefix(parsing: "fd00::/64"),
                    names: [try DomainName(parsing: "metadata"), try DomainName(parsing: "metadata.cloud.example")],
                    addresses: [address, try IPv4Address(parsing: "169.254.169.254").mapped])
            ])
        for text in [resolver.text, UnboundConfiguration(clients: []).text] {
            #expect(try check("/usr/sbin/unbound-checkconf", [], text) == .exited(0), "\(text)")
        }
        #expect(try check("/usr/sbin/unbound-checkconf", [], resolver.text + "nonsense: 1") != .exited(0))
    }

    @Test func `a resolver answers its clients for itself and from the zone's server, and a silent one is killed`()
        async throws
    {
        let zone = try zone("cloud.example", key: false, secondaries: [])
        let web = RecordSetKey(try DomainName(parsing: "web.cloud.example"), .aaaa)
        let set = RecordSet(web, ttl: .standard, [.aaaa(try IPv6Address(parsing: "2001:db8::1"))])
        try namespace.run("ip", "address", "add", "fd0a::1/64", "dev", "lo")
        try namespace.run("ip", "address", "add", "fd00::1/64", "dev", "lo")
        try await server.write(NameServerPlan.file(zone, [web: set]), of: zone.id)
        var authority = configuration([zone]).0
        let address = try IPv6Address(parsing: "fd0a::1")
        authority.addresses = [address]
        // One port for both in one namespace: the resolver's wildcard would take it; so the server gets its own.
        let other = try TestNamespace("kckn")
        try namespace.run("ip", "link", "add", "a0", "type", "veth", "peer", "name", "b0", "netns", other.name.text)
        try namespace.run("ip", "address", "del", "fd0a::1/64", "dev", "lo")
        try other.run("ip", "address", "add", "fd0a::1/64", "dev", "b0", "nodad")
        try namespace.run("ip", "address", "add", "fd0a::2/64", "dev", "a0", "nodad")
        try other.run("ip", "link", "set", "b0", "up")
        try namespace.run("ip", "link", "set", "a0", "up")
        try await supervisor.ensure(
            DaemonSpec(
                program: .knot, instance: DaemonInstance.nameServer, namespace: other.name.text,
                configuration: authority.text))
        let resolver = UnboundConfiguration(
            clients: [try IPv6Prefix(parsing: "fd00::/64"), try IPv6Prefix(parsing: "fd0a::3/128")],
            zones: [zone.domain], servers: [address], dns64: try IPv6Prefix(parsing: "64:ff9b::/96"),
            views: [
                .init(
                    segment: try InterfaceName("seg000001"), clients: try IPv6Prefix(parsing: "fd00::/64"),
                    names: [try DomainName(parsing: "metadata"), try DomainName(parsing: "metadata.cloud.example")],
                    addresses: [
                        try IPv6Address(parsing: "fd00::1"), try IPv4Address(parsing: "169.254.169.254").mapped,
                    ]),
                .init(
                    segment: try InterfaceName("seg000002"), clients: try IPv6Prefix(parsing: "fd0a::3/128"),
                    names: [try DomainName(parsing: "metadata")], addresses: [try IPv6Address(parsing: "fd0a::3")]),
            ])
        try namespace.run("ip", "address", "add", "fd0a::3/64", "dev", "a0", "nodad")
        try await supervisor.ensure(
            DaemonSpec(
                program: .unbound, instance: "unbound-test", namespace: namespace.name.text,
                configuration: resolver.text))
        func ask(
            _ source: String, _ name: String = "web.cloud.example", _ type: String = "AAAA"
        ) throws -> [String] {
            try namespace.run(
                ["dig", "@fd00::1", "-b", source, "+short", "+time=1", "+tries=1", name, type]
            ).split(separator: "\n").map(String.init)
        }
        try await eventually { try ask("fd00::1") == ["2001:db8::1"] }
        #expect(try ask("fd0a::2").isEmpty, "nobody else is answered")
        // Each segment has answers of its own to the same name.
        for name in ["metadata", "metadata.cloud.example"] {
            #expect(try ask("fd00::1", name) == ["fd00::1"])
            #expect(try ask("fd00::1", name, "A") == ["169.254.169.254"])
        }
        #expect(try ask("fd0a::3", "metadata") == ["fd0a::3"])
        #expect(try ask("fd0a::3", "metadata", "A").isEmpty)
        #expect(try ask("fd0a::3") == ["2001:db8::1"])
        let text = try #require(FileManager.default.contents(atPath: root + "/run/daemons/unbound-test/pid"))
        let pid = try #require(Int32(String(decoding: text, as: UTF8.self).prefix { $0.isNumber }))
        kill(pid, SIGSTOP)
        try await eventually(within: .seconds(20)) {
            (try? ask("fd00::1")) == ["2001:db8::1"]  // no answer yet: dig ends with 9
        }
        for instance in ["unbound-test", DaemonInstance.nameServer] {
            try await supervisor.stop(instance: instance, withdraw: false)
        }
    }
}
