import Addressing
import DaemonConfigs
import Testing

@Suite struct ZoneFileTests {
    @Test func `a zone is this text`() throws {
        let zone = try DomainName(parsing: "cloud.example")
        let file = ZoneFile(
            domain: zone, ttlSeconds: 60, nameServers: [try zone.prepending(["h1", "ns"])],
            records: [
                ZoneFile.Record(owner: try zone.prepending(["www"]), ttlSeconds: 5, data: .aaaa(.loopback)),
                ZoneFile.Record(owner: zone, ttlSeconds: 60, data: try RecordData(.txt, parsing: #"a "b" \\ ; ü"#)),
            ])
        let expected = #"""
            cloud.example. 60 IN SOA h1.ns.cloud.example. hostmaster.cloud.example. 1 3600 600 1209600 5
            cloud.example. 60 IN NS h1.ns.cloud.example.
            www.cloud.example. 5 IN AAAA ::1
            cloud.example. 60 IN TXT "a \034b\034 \092\092 ; \195\188"

            """#
        #expect(file.text == expected)
    }

    @Test func `long text is several strings`() throws {
        let text = try RecordData(.txt, parsing: String(repeating: "x", count: 600)).presentation
        #expect(text.split(separator: " ").map(\.utf8.count) == [257, 257, 92])
    }

    @Test(arguments: ["", "relative", "/a b", "/a\"b", "/a\nb", "/" + String(repeating: "a", count: 107)])
    func `what cannot stand in a configuration is no path of one`(_ text: String) {
        #expect(ConfigurationPath(text) == nil)
    }

    @Test(arguments: ["", "short", "a2Mtc2VjcmV0\nkey:", "!!!!", "YWJj"])
    func `what is no secret of a key is refused`(_ text: String) {
        #expect(TransferSecret(base64: text) == nil)
    }
}
