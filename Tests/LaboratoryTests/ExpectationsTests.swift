import Addressing
import Laboratory
import NetworkModel
import Resources
import Testing

struct ExpectationsTests {
    private func read(_ yaml: String) throws -> Expectations {
        try Expectations(json: try YAMLText.parse(yaml, file: "test"), path: "")
    }

    @Test func `a guest, an address and a size are read, and the project is default`() throws {
        let expectations = try read(
            """
            within: 5
            attachments: [{name: web, host: h1, learned: 1}]
            pings:
              - {from: h1/web, to: h2/db, size: 1430}
              - {from: h1/web, to: "fe80::1", replies: false}
            """)
        #expect(expectations.within == .seconds(5))
        #expect(expectations.attachments[0].project.text == "default")
        #expect(expectations.attachments[0].phase == .wired)
        #expect(expectations.pings[0].to == .guest(try #require(GuestPlace("h2/db"))))
        #expect(expectations.pings[0].size == 1430)
        #expect(expectations.pings[1].to == .address(.segmentRouter))
        #expect(!expectations.pings[1].replies)
    }

    @Test(arguments: [
        ("within: 0", "within"), ("within: 601", "within"), ("ping: []", "ping"),
        ("pings: [{from: web, to: h2/db}]", "pings[0].from"), ("pings: [{from: h1/web, to: h2}]", "pings[0].to"),
        ("pings: [{from: h1/web, to: h2/db, size: 47}]", "pings[0].size"),
        ("segments: [{name: blue, mtu: 1430, hosts: []}]", "segments[0].replication"),
        ("attachments: [{name: web, host: h1, phase: up}]", "attachments[0].phase"),
    ])
    func `what is wrong is named by its field`(_ yaml: String, _ field: String) {
        let error = #expect(throws: FieldError.self) { try read(yaml) }
        #expect(error?.field == field)
    }

    @Test(arguments: ["one-host", "two-hosts", "no-multicast", "three-hosts-router"])
    func `every shipped topology expects something of its own machines alone`(_ name: String) throws {
        let folder = try TopologyFolder(path: Checkout.topology(name))
        let expectations = try Expectations(of: folder)
        let hosts = Set(folder.topology.hosts.map(\.name))
        let guests = Set(folder.topology.hosts.flatMap { host in host.guests.map { "\(host.name)/\($0)" } })
        #expect(!expectations.pings.isEmpty)
        #expect(Set(expectations.hosts.map(\.name)) == hosts)
        #expect(Set(expectations.segments.flatMap(\.hosts)).isSubset(of: hosts))
        for ping in expectations.pings {
            #expect(guests.contains("\(ping.from)"))
            if case .guest(let place) = ping.to { #expect(guests.contains("\(place)")) }
        }
    }

    @Test func `a set's elements are put in order however nft breaks its lines`() {
        let text = """
            set ready {
            	type ifname
            	elements = { "kctb",
            		     "kcta", "kctc" }
            }
            set empty {
            	type ifname
            }
            set vteps {
            	elements = { fd0a::2, fd0a::1 }
            }
            """
        #expect(
            Machine.sortingElements(text) == """
                set ready {
                	type ifname
                	elements = { "kcta", "kctb", "kctc" }
                }
                set empty {
                	type ifname
                }
                set vteps {
                	elements = { fd0a::1, fd0a::2 }
                }
                """)
    }

    @Test func `a device's settings are read without what the kernel numbers or times`() throws {
        let json = """
            [{},{"ifname":"kcx00012c","ifindex":9,"flags":["BROADCAST","UP"],"mtu":1430,"master":"kcb00012c",
            "address":"02:00:00:00:00:01","ifalias":"kc:segment/1","linkinfo":{"info_kind":"vxlan",
            "info_data":{"id":300,"group6":"ff15::1","learning":true},"info_slave_kind":"bridge",
            "info_slave_data":{"state":"forwarding","id":"0x8001","learning":false}}}]
            """
        let devices = try DeviceFacts.read(try JSONParser.parse(Array(json.utf8)))
        #expect(
            devices == [
                DeviceFacts(
                    name: "kcx00012c", kind: "vxlan", mtu: 1430, address: "02:00:00:00:00:01", alias: "kc:segment/1",
                    master: "kcb00012c", isUp: true, group: "",
                    settings: ["id": "300", "group6": "ff15::1", "learning": "true", "port.learning": "false"])
            ])
    }
}
