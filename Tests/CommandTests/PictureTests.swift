import Documents
import Resources
import Testing

@Suite struct PictureTests {
    private func id(_ number: Int) throws -> ResourceID {
        try #require(ResourceID("0000000\(number)-0000-4000-8000-000000000000"))
    }

    private func item(
        _ number: Int, _ name: String, spec: String = "{}", status: String = "{}"
    ) throws -> NetworkPicture.Source.Item {
        .init(
            id: try id(number), name: name, project: "default", spec: try JSONParser.parse(Array(spec.utf8)),
            status: try JSONParser.parse(Array(status.utf8)))
    }

    private func picture(message: String = "no carrier") throws -> NetworkPicture {
        let (h1, blue) = ("\(try id(1))", "\(try id(3))")
        var source = NetworkPicture.Source()
        source.hosts = [
            try item(1, "h1", spec: #"{"vtep":"fd0a::1"}"#, status: #"{"phase":"up"}"#),
            try item(2, "h2", spec: #"{"vtep":"fd0a::2"}"#, status: #"{"phase":"down"}"#),
        ]
        source.segments = [
            try item(
                3, "blue",
                status: #"{"vni":4096,"prefix":"fd00::/64","replication":"multicast","hosts":{"h1":{"phase":"wired"}}}"#
            ),
            try item(4, "empty", status: #"{"vni":4097,"replication":"unicast"}"#),
        ]
        source.attachments = [
            try item(
                5, "web", spec: #"{"segment":"\#(blue)","host":"\#(h1)","port":{"type":"tap"}}"#,
                status: #"{"phase":"wired","addresses":[{"value":"fe80::1"},{"value":"fd00::a3"}]}"#),
            try item(
                6, "lost", spec: #"{"segment":"\#(blue)","port":{"type":"tap"}}"#, status: #"{"phase":"pending"}"#),
            try item(7, "edge-blue", spec: #"{"segment":"\#(blue)","host":"\#(h1)","port":{"type":"gateway"}}"#),
        ]
        var status = JSONWriter()
        status.object { writer in
            writer.member("phase", "failed")
            writer.member("message", message)
        }
        source.gateways = [
            try item(
                8, "edge", spec: #"{"host":"\#(h1)","segments":["\#(blue)"]}"#,
                status: String(decoding: status.bytes, as: UTF8.self))
        ]
        return NetworkPicture(source)
    }

    @Test func `the tree shows each host with its segments, and what is nowhere`() throws {
        #expect(
            try picture().text() == [
                "h1  fd0a::1  up",
                "└─ blue  VNI 001000  fd00::/64  multicast  wired",
                "   ├─ gateway edge  failed: no carrier",
                "   └─ web           fd00::a3  wired",
                "h2  fd0a::2  down  (nothing attached)",
                "(on no host)",
                "└─ blue  VNI 001000  fd00::/64  multicast",
                "   └─ lost  pending",
                "(segments with nothing attached)",
                "   empty  VNI 001001  no prefix  unicast",
            ])
    }

    @Test func `who may see neither hosts nor VNIs is shown what is attached, and no word about them`() throws {
        var tenant = try picture()
        tenant.machines = []
        tenant.ports = tenant.ports.map { port in
            var port = port
            port.host = nil
            return port
        }
        tenant.lanes = tenant.lanes.map { lane in
            var lane = lane
            lane.vni = nil
            return lane
        }
        #expect(tenant.text().first == "└─ blue  fd00::/64  multicast")
        for text in [tenant.text().joined(separator: "\n"), tenant.dot(), tenant.svg()] {
            #expect(text.contains("web") && !text.contains("VNI") && !text.contains("on no host"))
        }
    }

    @Test func `no text of a status can end an element, a label or a line`() throws {
        let evil = "</title><script>x</script>\" ] }\n\u{1b}[31m\u{7}\\"
        let picture = try picture(message: evil)
        let svg = picture.svg()
        #expect(!svg.contains("<script") && svg.contains("&lt;script&gt;") && !svg.contains("\u{1b}"))
        let opened = svg.matches(of: /<(svg|g|title|text)\b/).count
        #expect(opened == svg.matches(of: /<\/(svg|g|title|text)>/).count)
        #expect(picture.text().allSatisfy { !$0.contains("\u{1b}") && !$0.contains("\n") })
        var named = picture
        named.machines[0].name = evil
        let dot = named.dot()
        #expect(dot.contains(#"</title><script>x</script>\" ] }\n"#) && !dot.contains("\u{1b}"))
        #expect(dot.split(separator: "\n").filter { $0.contains("<script>") }.count == 1)
    }

    @Test func `the drawing has a box for each port, edged by its state`() throws {
        let svg = try picture().svg()
        #expect(svg.matches(of: /stroke="#1b7837" stroke-width="2"/).count == 2, "h1 and web")
        #expect(svg.matches(of: /stroke="#c51b1b" stroke-width="2"/).count == 2, "h2 and edge")
        #expect(svg.matches(of: /stroke="#e08214" stroke-width="2"/).count == 1, "lost")
    }
}
