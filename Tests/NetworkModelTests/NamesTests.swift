import Addressing
import NetworkModel
import Resources
import Testing

@Suite struct NamesTests {
    private func zone(_ json: String) throws -> Zone.Spec {
        try Zone.Spec(json: JSONParser.parse(Array(json.utf8)), path: "spec")
    }

    private func record(_ json: String) throws -> Record.Spec {
        try Record.Spec(json: JSONParser.parse(Array(json.utf8)), path: "spec")
    }

    @Test func `zones and records are written as they were read`() throws {
        for text in [
            #"{"domain":"cloud.example"}"#,
            #"{"domain":"8.b.d.0.1.0.0.2.ip6.arpa","attachments":true,"ttl":30,"dnssec":false}"#,
            #"{"domain":"a.example","projects":["default"],"secondaries":[{"address":"2001:db8::53","key":"xfr"}],"nameServers":["ns.other.example"]}"#,
        ] {
            let spec = try zone(text)
            #expect(try Zone.Spec(json: JSONParser.parse(spec.json), path: "") == spec)
        }
        for text in [
            #"{"zone":"a","name":"www","type":"AAAA","values":["2001:db8::1"],"ttl":300}"#,
            #"{"zone":"a","name":"@","type":"MX","values":["10 mail.example"]}"#,
            #"{"zone":"r","name":"2001:db8::1","type":"PTR","values":["mail.example"]}"#,
            #"{"zone":"r","name":"2001:db8:0:10::/60","type":"NS","values":["ns.example"]}"#,
            #"{"zone":"r","name":"203.0.113.5","type":"PTR","values":["mail.example"]}"#,
        ] {
            let spec = try record(text)
            #expect(try Record.Spec(json: JSONParser.parse(spec.json), path: "") == spec)
        }
    }

    @Test(arguments: [
        (#"{"domain":"example"}"#, "spec.domain"), (#"{"domain":"x.ip6.arpa"}"#, "spec.domain"),
        (#"{"domain":"*.example.org"}"#, "spec.domain"),
        (#"{"domain":"a.example\n$INCLUDE /etc/passwd"}"#, "spec.domain"),
        (#"{"domain":"a.example","ttl":0}"#, "spec.ttl"),
        (#"{"domain":"a.example","secondaries":[{"address":"ff02::1"}]}"#, "spec.secondaries[0].address"),
        (#"{"domain":"a.example","nameServers":["a.b","a.b"]}"#, "spec.nameServers"),
    ])
    func `a zone that is none names the field`(_ json: String, _ field: String) {
        #expect { try zone(json) } throws: { ($0 as? FieldError)?.field == field }
    }

    @Test(arguments: [
        (#"{"zone":"a","name":"x IN A 192.0.2.1\ny","type":"A","values":["192.0.2.1"]}"#, "spec.name"),
        (#"{"zone":"a","name":"x.","type":"A","values":["192.0.2.1"]}"#, "spec.name"),
        (#"{"zone":"a","name":"x","type":"A","values":["192.0.2.1","::1"]}"#, "spec.values[1]"),
        (#"{"zone":"a","name":"x","type":"A","values":[]}"#, "spec.values"),
        (#"{"zone":"a","name":"x","type":"CNAME","values":["a.b","c.d"]}"#, "spec.values"),
        (#"{"zone":"a","name":"@","type":"CNAME","values":["a.b"]}"#, "spec.name"),
        (#"{"zone":"a","name":"@","type":"NS","values":["a.b"]}"#, "spec.name"),
        (#"{"zone":"a","name":"2001:db8::/63","type":"NS","values":["a.b"]}"#, "spec.name"),
        (#"{"zone":"a","name":"2001:db8::1","type":"TXT","values":["a"]}"#, "spec.type"),
        (#"{"zone":"a","name":"x","type":"SOA","values":["a"]}"#, "spec.type"),
    ])
    func `a record that is none names the field`(_ json: String, _ field: String) {
        #expect { try record(json) } throws: { ($0 as? FieldError)?.field == field }
    }

    @Test func `names go to hosts and come back whole, and changes make what a new start has`() throws {
        let id = try #require(ResourceID("00000000-0000-4000-8000-000000000001"))
        let key = try #require(SigningKey(octets: Array(1...32)))
        #expect("\(key)" == "(secret)" && SigningKey(secret: key.secret) == key)
        let web = RecordSetKey(try DomainName(parsing: "web.cloud.example"), .aaaa)
        let one = RecordSet(web, ttl: .standard, [.aaaa(.loopback)])
        var names = DesiredNames(
            zones: [
                id: DesiredZone(
                    id: id, generation: 3, domain: try DomainName(parsing: "cloud.example"), ttl: .standard,
                    signingKey: key, nameServers: [try DomainName(parsing: "h1.ns.cloud.example")], servers: 2)
            ], records: [id: [web: one]])
        let read = try NamesUpdate(json: JSONParser.parse(names.asUpdate.json), path: "")
        var told = DesiredNames()
        told.merge(read)
        #expect(told == names)
        names.merge(NamesUpdate(records: [RecordChange(zone: id, removed: [web])]))
        #expect(names.records.isEmpty)
        names.merge(NamesUpdate(removedZones: [id]))
        #expect(names == DesiredNames())
    }
}
