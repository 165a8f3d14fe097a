import Addressing
import NetworkModel
import Resources
import Testing

@Suite struct NAT64Tests {
    private func read<Value: JSONReadable>(_ text: String, as type: Value.Type) throws -> Value {
        try Value(json: JSONParser.parse(Array(text.utf8)), path: "spec")
    }

    @Test func `what a gateway translates has defaults`() throws {
        let spec = try read(#"{"host":"h","segments":[],"nat64":{}}"#, as: Gateway.Spec.self)
        #expect(spec.nat64 == NAT64())
        #expect(spec.nat64?.prefix.description == "64:ff9b::/96")
        #expect(try read(#"{"host":"h","segments":[]}"#, as: Gateway.Spec.self).nat64 == nil)
    }

    @Test(arguments: [
        #"{"prefix":"64:ff9b:1::/96"}"#, #"{"prefix":"2001:db8:64::/96","pool":"outside","dns64":false}"#,
    ])
    func `a translation is read and written`(text: String) throws {
        let value = try read(text, as: NAT64.self)
        #expect(try NAT64(json: JSONParser.parse(value.json), path: "") == value)
    }

    @Test(arguments: [
        (#"{"prefix":"64:ff9b::/64"}"#, "spec.prefix"), (#"{"prefix":"fe80::/96"}"#, "spec.prefix"),
        (#"{"prefix":"ff0e::/96"}"#, "spec.prefix"), (#"{"prefix":"2001:db8:0:0:100::/96"}"#, "spec.prefix"),
        (#"{"dns64":"yes"}"#, "spec.dns64"), (#"{"pool":"-x"}"#, "spec.pool"), (#"{"stateful":true}"#, "spec.stateful"),
    ])
    func `a translation that cannot be is refused by field`(text: String, field: String) {
        let error = #expect(throws: FieldError.self) { try read(text, as: NAT64.self) }
        #expect(error?.field == field)
    }

    @Test(arguments: [
        #"{"attachment":"web"}"#, #"{"attachment":"web","ipv4":"198.51.100.7","address":"fd00::7"}"#,
        #"{"attachment":"web","pool":"outside"}"#,
    ])
    func `a mapping is read and written`(text: String) throws {
        let value = try read(text, as: Mapping.Spec.self)
        #expect(try Mapping.Spec(json: JSONParser.parse(value.json), path: "") == value)
    }

    @Test(arguments: [
        (#"{}"#, "spec.attachment"), (#"{"attachment":"web","ipv4":"127.0.0.1"}"#, "spec.ipv4"),
        (#"{"attachment":"web","ipv4":"224.0.0.1"}"#, "spec.ipv4"),
        (#"{"attachment":"web","ipv4":"1.2.3"}"#, "spec.ipv4"),
        (#"{"attachment":"web","address":"fe80::7"}"#, "spec.address"),
        (#"{"attachment":"web","address":"ff02::1"}"#, "spec.address"),
        (#"{"attachment":"web","ports":[1]}"#, "spec.ports"),
    ])
    func `a mapping that cannot be is refused by field`(text: String, field: String) {
        let error = #expect(throws: FieldError.self) { try read(text, as: Mapping.Spec.self) }
        #expect(error?.field == field)
    }

    @Test(arguments: [
        (#"{"type":"ipv4","prefix":"198.51.100.0/28"}"#, true), (#"{"type":"ipv4","prefix":"198.51.100.7/32"}"#, true),
        (#"{"type":"ipv4","prefix":"0.0.0.0/0"}"#, false), (#"{"type":"ipv4","prefix":"127.0.0.0/24"}"#, false),
        (#"{"type":"ipv4","prefix":"198.51.100.1/28"}"#, false), (#"{"type":"ipv4","prefix":"fd00::/48"}"#, false),
    ])
    func `a pool of IPv4 addresses holds what hosts can have`(text: String, good: Bool) throws {
        if good {
            let pool = try read(text, as: Pool.Spec.self)
            #expect(try Pool.Spec(json: JSONParser.parse(pool.json), path: "") == pool)
        } else {
            let error = #expect(throws: FieldError.self) { try read(text, as: Pool.Spec.self) }
            #expect(error?.field == "spec.prefix")
        }
    }

    @Test func `addresses that are not global stay out of the well-known prefix alone`() throws {
        let own = NAT64(prefix: try IPv6Prefix(parsing: "64:ff9b:1::/96"))
        for text in ["10.1.2.3", "192.168.0.1", "172.31.0.1", "100.64.0.1", "192.0.2.1", "198.18.0.1"] {
            let address = try IPv4Address(parsing: text)
            #expect(!NAT64().mayCarry(address), "\(text)")
            #expect(own.mayCarry(address), "\(text)")
        }
        #expect(NAT64().mayCarry(try IPv4Address(parsing: "192.0.1.1")))
        #expect(own.embedding(try IPv4Address(parsing: "192.0.2.33")).description == "64:ff9b:1::c000:221")
    }
}
