import Addressing
import FoundationEssentials
import Laboratory
import Resources
import Testing

struct TopologyTests {
    static let base = """
        name: t
        links:
          - {name: lan, prefix: "fd0a::/64"}
        hosts:
          - {name: h1, link: lan, address: "fd0a::1"}
        api: {link: lan, address: "fd0a::a"}

        """

    static func read(_ yaml: String) throws -> Topology {
        try Topology(json: try YAMLText.parse(yaml, file: "test"), path: "")
    }

    @Test func `defaults are Ethernet's MTU, multicast, eth0 and port 8440`() throws {
        let topology = try Self.read(Self.base)
        #expect(topology.links[0].mtu.bytes == 1500)
        #expect(topology.links[0].multicast)
        #expect(topology.hosts[0].interface.text == "eth0")
        #expect(topology.api.port == 8440)
    }

    @Test(arguments: [
        ("name: t", "nam: t", "nam"),
        ("fd0a::/64", "fd0a::1/64", "links[0].prefix"),
        ("fd0a::/64", "ff15::/64", "links[0].prefix"),
        ("name: h1", "name: api", "hosts[0].name"),
        ("name: h1", "name: lan", "hosts[0].name"),
        ("name: h1", "name: a-name-that-is-too-long", "hosts[0].name"),
        ("name: h1", "name: 'h 1'", "hosts[0].name"),
        ("link: lan, address: \"fd0a::1\"", "link: wan, address: \"fd0a::1\"", "hosts[0].link"),
        ("fd0a::1", "fd0b::1", "hosts[0].address"),
        ("fd0a::1", "fd0a::", "hosts[0].address"),
        ("fd0a::1", "fd0a::a", "hosts[0].address"),
        ("address: \"fd0a::1\"", "address: \"fd0a::1\", mtu: 1600", "hosts[0].mtu"),
        ("address: \"fd0a::1\"", "address: \"fd0a::1\", mtu: no", "hosts[0].mtu"),
        ("address: \"fd0a::1\"", "address: \"fd0a::1\", interface: \"a/b\"", "hosts[0].interface"),
        ("address: \"fd0a::1\"", "address: \"fd0a::1\", guests: [\"../x\"]", "hosts[0].guests[0]"),
        ("address: \"fd0a::1\"", "address: \"fd0a::1\", guests: [a, a]", "hosts[0].guests"),
        ("address: \"fd0a::a\"", "address: \"fd0a::a\", port: 0", "api.port"),
    ])
    func `what is wrong is named by its field`(_ from: String, _ to: String, _ field: String) throws {
        let error = #expect(throws: FieldError.self) {
            try Self.read(Self.base.replacingFirst(from, with: to))
        }
        #expect(error?.field == field || error?.field.hasPrefix(field) == true, "\(String(describing: error))")
    }

    /// A member and a server beside the first, put after the API.
    private static let cluster = """
        cluster:
          members:
            - {name: etcd1, link: lan, address: "fd0a::e1"}
          servers:
            - {name: api2, link: lan, address: "fd0a::b"}

        """

    @Test func `members and servers of a cluster are machines with a leg each`() throws {
        let topology = try Self.read(Self.base + Self.cluster)
        #expect(topology.machines.map(\.text) == ["api", "etcd1", "api2", "h1"])
        #expect(topology.legs.map(\.machine.text) == ["api", "etcd1", "api2", "h1"])
        #expect(topology.cluster?.members.first?.interface.text == "eth0")
    }

    @Test(arguments: [
        ("name: etcd1", "name: h1", "cluster.members[0].name"),
        ("name: etcd1", "name: api", "cluster.members[0].name"),
        ("name: api2", "name: etcd1", "cluster.servers[0].name"),
        ("name: api2", "name: a-name-that-is-too-long", "cluster.servers[0].name"),
        ("name: api2, link: lan", "name: api2, link: wan", "cluster.servers[0].link"),
        ("fd0a::e1", "fd0b::e1", "cluster.members[0].address"),
        ("fd0a::b", "fd0a::e1", "cluster.servers[0].address"),
        ("fd0a::b\"", "fd0a::b\", port: 1", "cluster.servers[0].port"),
        ("    - {name: etcd1, link: lan, address: \"fd0a::e1\"}", "    []", "cluster.members"),
    ])
    func `what is wrong in a cluster is named by its field`(_ from: String, _ to: String, _ field: String) throws {
        let error = #expect(throws: FieldError.self) {
            try Self.read(Self.base + Self.cluster.replacingFirst(from, with: to))
        }
        #expect(error?.field == field, "\(String(describing: error))")
    }

    @Test func `a circle of routers and a link that nobody reaches are refused`() throws {
        let links = """
            name: t
            links:
              - {name: a, prefix: "fd0a::/64"}
              - {name: b, prefix: "fd0b::/64"}
            hosts:
              - {name: h1, link: a, address: "fd0a::1"}
            api: {link: a, address: "fd0a::a"}

            """
        let lost = #expect(throws: FieldError.self) { try Self.read(links) }
        #expect(lost?.value == "b")
        let circle = """
            routers:
              - {name: r1, legs: [{link: a, interface: ea, address: "fd0a::f1"}, {link: b, interface: eb, address: "fd0b::f1"}]}
              - {name: r2, legs: [{link: a, interface: ea, address: "fd0a::f2"}, {link: b, interface: eb, address: "fd0b::f2"}]}

            """
        let error = #expect(throws: FieldError.self) { try Self.read(links + circle) }
        #expect(error?.rule.contains("circle") == true)
    }

    @Test func `routes follow the tree of links over several routers`() throws {
        let topology = try Self.read(
            """
            name: chain
            links:
              - {name: a, prefix: "fd0a::/64"}
              - {name: b, prefix: "fd0b::/64"}
              - {name: c, prefix: "fd0c::/64"}
            routers:
              - {name: r1, legs: [{link: a, interface: e0, address: "fd0a::f"}, {link: b, interface: e1, address: "fd0b::f"}]}
              - {name: r2, legs: [{link: b, interface: e0, address: "fd0b::e"}, {link: c, interface: e1, address: "fd0c::e"}]}
            hosts:
              - {name: h1, link: a, address: "fd0a::1"}
              - {name: h2, link: c, address: "fd0c::1"}
            api: {link: b, address: "fd0b::a"}
            """)
        func routes(_ machine: String) throws -> [String] {
            topology.routes(of: try #require(Name(machine))).map { "\($0.prefix) \($0.gateway)" }
        }
        #expect(try routes("h1") == ["fd0b::/64 fd0a::f", "fd0c::/64 fd0a::f"])
        #expect(try routes("api") == ["fd0a::/64 fd0b::f", "fd0c::/64 fd0b::e"])
        #expect(try routes("r1") == ["fd0c::/64 fd0b::e"])
        #expect(try routes("h2") == ["fd0a::/64 fd0c::e", "fd0b::/64 fd0c::e"])
    }

    @Test func `a multicast router passes every group from each leg to all others`() throws {
        let router = try #require(
            try Self.read(
                """
                name: t
                links: [{name: a, prefix: "fd0a::/64"}, {name: b, prefix: "fd0b::/64"}, {name: c, prefix: "fd0c::/64"}]
                routers:
                  - name: r1
                    legs:
                      - {link: a, interface: ea, address: "fd0a::f"}
                      - {link: b, interface: eb, address: "fd0b::f"}
                      - {link: c, interface: ec, address: "fd0c::f"}
                hosts: [{name: h1, link: a, address: "fd0a::1"}]
                api: {link: b, address: "fd0b::a"}
                """
            ).routers.first)
        #expect(
            MulticastRouting.configuration(of: router) == """
                phyint ea enable ttl-threshold 1
                phyint eb enable ttl-threshold 1
                phyint ec enable ttl-threshold 1
                mgroup from ea group ff15::8b00:0/120
                mgroup from eb group ff15::8b00:0/120
                mgroup from ec group ff15::8b00:0/120
                mroute from ea group ff15::8b00:0/120 to eb ec
                mroute from eb group ff15::8b00:0/120 to ea ec
                mroute from ec group ff15::8b00:0/120 to ea eb

                """)
    }

    @Test(arguments: ["one-host", "two-hosts", "no-multicast", "three-hosts-router"])
    func `every shipped topology is right and has its name`(_ name: String) throws {
        let folder = try TopologyFolder(path: Checkout.topology(name))
        #expect(folder.topology.name.text == name)
        #expect(try !folder.desired.isEmpty)
        #expect(try !folder.expected.isEmpty)
    }
}

struct YAMLTextTests {
    private func json(_ yaml: String) throws -> String {
        String(decoding: try YAMLText.parse(yaml, file: "test").raw, as: UTF8.self)
    }

    @Test(arguments: [
        ("a: 1", #"{"a":1}"#), ("a: -0.5e3", #"{"a":-0.5e3}"#), ("a: '1'", #"{"a":"1"}"#), ("a: no", #"{"a":"no"}"#),
        ("a: 12:34:56:12:34:56", #"{"a":"12:34:56:12:34:56"}"#), ("a: 0x10", #"{"a":"0x10"}"#),
        ("a: 1_000", #"{"a":"1_000"}"#), ("a: 007", #"{"a":"007"}"#), ("a: true", #"{"a":true}"#),
        ("a: ~", #"{"a":null}"#),
        ("a: [x, {b: c}]", #"{"a":["x",{"b":"c"}]}"#), ("", "{}"), ("a: fd0a::1", #"{"a":"fd0a::1"}"#),
    ])
    func `only what JSON writes as a number, a truth or null is one`(_ yaml: String, _ expected: String) throws {
        #expect(try json(yaml) == expected)
    }

    @Test func `a bomb of aliases is refused`() {
        var yaml = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...9 {
            let before = "*a\(level - 1)"
            yaml += "a\(level): &a\(level) [\(Array(repeating: before, count: 10).joined(separator: ", "))]\n"
        }
        #expect(throws: LaboratoryError.self) { try YAMLText.parse(yaml, file: "test") }
    }

    @Test(arguments: ["a: [", "a: 1\na: 2", "? [x]\n: y", "--- a\n--- b"])
    func `what is not one document of named values is refused`(_ yaml: String) {
        #expect(throws: LaboratoryError.self) { try YAMLText.parse(yaml, file: "test") }
    }
}

extension String {
    /// The first `target` replaced; a table's row whose target is not there is a mistake of the table.
    fileprivate func replacingFirst(_ target: String, with text: String) -> String {
        guard let range = firstRange(of: target) else { return "the text \(target) is not in the base" }
        return replacingCharacters(in: range, with: text)
    }

    private func firstRange(of target: String) -> Range<String.Index>? {
        var index = startIndex
        while index < endIndex {
            if self[index...].hasPrefix(target) { return index..<self.index(index, offsetBy: target.count) }
            index = self.index(after: index)
        }
        return nil
    }

    private func replacingCharacters(in range: Range<String.Index>, with text: String) -> String {
        String(self[..<range.lowerBound]) + text + String(self[range.upperBound...])
    }
}
