import Addressing
import NetworkModel
import Resources
import Testing

/// Every spec as a user writes it: what is accepted comes back as it was meant, what is not is refused by field.
@Suite struct SpecTests {
    private func read<Value: JSONReadable>(_ text: String, as type: Value.Type) throws -> Value {
        try Value(json: JSONParser.parse(Array(text.utf8)), path: "spec")
    }

    private func expectRoundTrip<Value: JSONCodable & Equatable>(_ text: String, as type: Value.Type) throws {
        let value = try read(text, as: type)
        #expect(try Value(json: JSONParser.parse(value.json), path: "spec") == value, "\(text)")
    }

    private func expectRefusal<Value: JSONReadable>(of text: String, as type: Value.Type, field: String) {
        do {
            _ = try read(text, as: type)
            Issue.record("accepted: \(text)")
        } catch let error as FieldError {
            #expect(error.field == field, "\(text): \(error)")
            #expect(!error.rule.isEmpty)
        } catch {
            Issue.record("\(text): \(error)")
        }
    }

    @Test(arguments: [
        #"{"ipam":"none"}"#, #"{"ipam":"manual","prefix":"fd00:1::/64"}"#,
        #"{"ipam":"automatic","vni":300,"replication":"unicast"}"#,
    ])
    func `segments are read and written`(text: String) throws { try expectRoundTrip(text, as: Segment.Spec.self) }

    @Test(arguments: [
        (#"{}"#, "spec.ipam"), (#"{"ipam":"auto"}"#, "spec.ipam"), (#"{"ipam":1}"#, "spec.ipam"),
        (#"{"ipam":"none","prefix":"fd00::/64"}"#, "spec.prefix"),
        (#"{"ipam":"manual","prefix":"fd00::/63"}"#, "spec.prefix"),
        (#"{"ipam":"manual","prefix":"fd00::1/64"}"#, "spec.prefix"),
        (#"{"ipam":"manual","prefix":"fe80::/64"}"#, "spec.prefix"),
        (#"{"ipam":"manual","prefix":"ff00::/64"}"#, "spec.prefix"), (#"{"ipam":"none","vni":0}"#, "spec.vni"),
        (#"{"ipam":"none","vni":16777216}"#, "spec.vni"), (#"{"ipam":"none","vni":"1"}"#, "spec.vni"),
        (#"{"ipam":"none","vni":1.0}"#, "spec.vni"), (#"{"ipam":"none","color":"blue"}"#, "spec.color"),
        (#"{"ipam":"none","replication":"anycast"}"#, "spec.replication"), (#"[]"#, "spec"),
    ])
    func `segments that make no sense are refused by field`(text: String, field: String) {
        expectRefusal(of: text, as: Segment.Spec.self, field: field)
    }

    @Test(arguments: [
        #"{"segment":"blue"}"#,
        #"{"segment":"3f2504e0-4f89-41d3-9a0c-0305e82c3301","host":"h1","mac":"02:6b:63:00:00:01"}"#,
        #"{"segment":"blue","addresses":["fd00::1"],"port":{"type":"tap"}}"#,
        #"{"segment":"blue","port":{"type":"namespace","namespace":"web"}}"#,
        #"{"segment":"blue","port":{"type":"namespace","namespace":"web.1_a","interface":"eth1"}}"#,
        #"{"segment":"blue","port":{"type":"external","interface":"eno1"}}"#,
    ])
    func `attachments are read and written`(text: String) throws { try expectRoundTrip(text, as: Attachment.Spec.self) }

    @Test(arguments: [
        (#"{}"#, "spec.segment"), (#"{"segment":"Blue"}"#, "spec.segment"), (#"{"segment":"a/b"}"#, "spec.segment"),
        (#"{"segment":"b","mac":"01:00:00:00:00:01"}"#, "spec.mac"), (#"{"segment":"b","mac":"x"}"#, "spec.mac"),
        (#"{"segment":"b","addresses":["fd00::1","fd00::1"]}"#, "spec.addresses"),
        (#"{"segment":"b","addresses":["192.0.2.1"]}"#, "spec.addresses[0]"),
        (#"{"segment":"b","addresses":["fd00::1%eth0"]}"#, "spec.addresses[0]"),
        (#"{"segment":"b","port":{"type":"namespace"}}"#, "spec.port.namespace"),
        (#"{"segment":"b","port":{"type":"namespace","namespace":"../x"}}"#, "spec.port.namespace"),
        (#"{"segment":"b","port":{"type":"namespace","namespace":"/run/netns/x"}}"#, "spec.port.namespace"),
        (#"{"segment":"b","port":{"type":"namespace","namespace":"."}}"#, "spec.port.namespace"),
        (
            #"{"segment":"b","port":{"type":"namespace","namespace":"a","interface":"0123456789abcdef"}}"#,
            "spec.port.interface"
        ),
        (#"{"segment":"b","port":{"type":"external","interface":"a b"}}"#, "spec.port.interface"),
        (#"{"segment":"b","port":{"type":"external","interface":"eth0;reboot"}}"#, "spec.port.interface"),
        (#"{"segment":"b","port":{"type":"tap","interface":"x"}}"#, "spec.port.interface"),
        (#"{"segment":"b","port":{"type":"vhost"}}"#, "spec.port.type"),
        (#"{"segment":"b","port":"tap"}"#, "spec.port"),
    ])
    func `attachments that make no sense are refused by field`(text: String, field: String) {
        expectRefusal(of: text, as: Attachment.Spec.self, field: field)
    }

    @Test func `an attachment has at most 16 addresses`() {
        let addresses = (1...17).map { "\"fd00::\($0)\"" }.joined(separator: ",")
        expectRefusal(
            of: #"{"segment":"b","addresses":["# + addresses + "]}", as: Attachment.Spec.self, field: "spec.addresses")
    }

    @Test(arguments: [
        (#"{"vtep":"::","interface":"eth0"}"#, "spec.vtep"), (#"{"vtep":"fe80::1","interface":"eth0"}"#, "spec.vtep"),
        (#"{"vtep":"ff02::1","interface":"eth0"}"#, "spec.vtep"),
        (#"{"vtep":"::ffff:192.0.2.1","interface":"eth0"}"#, "spec.vtep"),
        (#"{"vtep":"fd00::1"}"#, "spec.interface"),
        (#"{"vtep":"fd00::1","interface":"eth0","roles":["king"]}"#, "spec.roles[0]"),
        (#"{"vtep":"fd00::1","interface":"eth0","roles":["dns","dns"]}"#, "spec.roles"),
    ])
    func `hosts that make no sense are refused by field`(text: String, field: String) {
        expectRefusal(of: text, as: Host.Spec.self, field: field)
    }

    @Test(arguments: [
        (#"{"type":"vni","from":10,"to":9}"#, "spec.to"), (#"{"type":"vni","from":0,"to":9}"#, "spec.from"),
        (#"{"type":"prefix","prefix":"fd00::/65"}"#, "spec.prefix"),
        (#"{"type":"prefix","prefix":"fe80::/64"}"#, "spec.prefix"),
        (#"{"type":"mac","prefix":"01:00:00"}"#, "spec.prefix"), (#"{"type":"mac","prefix":"02:6b"}"#, "spec.prefix"),
        (#"{"type":"mac","prefix":"02:6b:63","from":1}"#, "spec.from"), (#"{"type":"ipv6"}"#, "spec.type"),
        (#"{"type":"ipv4"}"#, "spec.prefix"),
    ])
    func `pools that make no sense are refused by field`(text: String, field: String) {
        expectRefusal(of: text, as: Pool.Spec.self, field: field)
    }

    @Test(arguments: [
        #"{"type":"vni","from":1,"to":16777215}"#, #"{"type":"prefix","prefix":"2001:db8::/48"}"#,
        #"{"type":"mac","prefix":"02:6B:63"}"#,
    ])
    func `pools are read and written`(text: String) throws { try expectRoundTrip(text, as: Pool.Spec.self) }

    @Test(arguments: [
        (#"{"mtu":1349}"#, "spec.mtu"), (#"{"mtu":70000}"#, "spec.mtu"), (#"{}"#, "spec.mtu"),
        (#"{"mtu":1500,"port":0}"#, "spec.port"), (#"{"mtu":1500,"port":65536}"#, "spec.port"),
        (#"{"mtu":1500,"hopLimit":0}"#, "spec.hopLimit"), (#"{"mtu":1500,"hopLimit":256}"#, "spec.hopLimit"),
        (#"{"mtu":1500,"groupBase":"fd00::"}"#, "spec.groupBase"),
        (#"{"mtu":1500,"groupBase":"ff11::"}"#, "spec.groupBase"),
    ])
    func `underlays that make no sense are refused by field`(text: String, field: String) {
        expectRefusal(of: text, as: Underlay.Spec.self, field: field)
    }

    @Test func `an underlay says only what differs from the usual`() throws {
        let spec = try read(#"{"mtu":9000,"multicast":false}"#, as: Underlay.Spec.self)
        #expect(spec.port == 4789 && spec.hopLimit == 64 && !spec.multicast)
        #expect(spec.groups == .standard)
        try expectRoundTrip(
            #"{"mtu":9000,"port":8472,"hopLimit":8,"groupBase":"ff18::1:0","groupCount":0}"#, as: Underlay.Spec.self)
    }

    @Test(arguments: [
        (#"{"segments":["a"]}"#, "spec.host"), (#"{"host":"h1"}"#, "spec.segments"),
        (#"{"host":"h1","segments":["a","a"]}"#, "spec.segments"),
        (#"{"host":"h1","segments":[],"type":"vm"}"#, "spec.type"),
        (#"{"host":"h1","segments":["a"],"resolvers":["ff02::1"]}"#, "spec.resolvers[0]"),
        (
            #"{"host":"h1","segments":["a"],"resolvers":["1::","2::","3::","4::","5::","6::","7::","8::","9::"]}"#,
            "spec.resolvers"
        ),
    ])
    func `gateways that make no sense are refused by field`(text: String, field: String) {
        expectRefusal(of: text, as: Gateway.Spec.self, field: field)
    }
}
