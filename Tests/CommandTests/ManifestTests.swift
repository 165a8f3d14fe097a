import Documents
import Resources
import Testing

private func yaml(_ text: String) throws -> [Manifest] {
    try ManifestFile.manifests(text, source: "f.yaml", format: .yaml)
}

private func annotation(_ scalar: String) throws -> String {
    let manifest = try yaml("kind: project\nname: a\nannotations:\n  x: \(scalar)\n")[0]
    return String(decoding: manifest.annotations["x"]?.raw ?? [], as: UTF8.self)
}

@Suite struct `YAML as JSON` {
    @Test(arguments: [
        ("1.10", "1.10"), ("-0", "-0"), ("12345678901234567890123", "12345678901234567890123"), ("1e400", "1e400"),
        ("0x12c", "300"), ("0o17", "15"), ("true", "true"), ("no", #""no""#), ("on", #""on""#), ("~", "null"),
        ("", "null"), ("12:34:56:11:22:33", #""12:34:56:11:22:33""#), ("1.2.3", #""1.2.3""#),
        ("2001:db8::/64", #""2001:db8::/64""#), ("'1.10'", #""1.10""#), ("\"a\\nb\"", #""a\nb""#),
        ("!!str 12", #""12""#), ("2026-01-31", #""2026-01-31""#), ("[1, {a: 'b'}]", #"[1,{"a":"b"}]"#),
        ("|\n    a\n    b", #""a\nb\n""#),
        ("v1.0", #""v1.0""#), ("1_000x", #""1_000x""#),
    ])
    func `a scalar keeps its meaning and its digits`(scalar: String, expected: String) throws {
        #expect(try annotation(scalar) == expected)
    }

    @Test(arguments: [
        "0123", "+1", ".5", "1.", ".inf", "-.INF", ".nan", "1_000", "08", "1e", "!!binary aGk=", "!foo 1",
    ])
    func `what could be meant in two ways is refused with its line`(scalar: String) throws {
        // "1e" is no number anywhere, and so a text.
        if scalar == "1e" { return #expect(try annotation(scalar) == #""1e""#) }
        let error = #expect(throws: DocumentError.self) { try annotation(scalar) }
        #expect(error?.source == "f.yaml")
        #expect(error?.line == 4)
    }

    @Test(arguments: [
        "a: [1", "a: 1\na: 2", "\tkind: x", "*nothing", "kind: project\nname: a\nannotations: {? [a] : b}",
        String(repeating: "[", count: 5000),
        "a: " + String(repeating: "{a: ", count: 40) + "1" + String(repeating: "}", count: 40),
    ])
    func `broken YAML is an error of the file`(text: String) {
        #expect(throws: DocumentError.self) { try yaml(text) }
    }

    @Test func `a stream of JSON says the same as when it is read as the YAML that it is`() throws {
        let stream = [
            #"{"kind":"project","name":"a","annotations":{"x":1.10,"y":"no","z":"a\u00e9\n\/","e":{}}}"#,
            "{\n  \"kind\": \"segment\", \"name\": \"s\",\n  \"labels\": {\"a\": \"1\"}, \"spec\": {\"ipam\": \"none\"}\n}",
            "",
            #"[{"kind":"project","name":"b"}, {"kind":"project","name":"c","protected":true}]"#,
        ].joined(separator: "\n---\n")
        let short = try yaml("---\n" + stream + "\n")
        // A comment is no JSON.
        let long = try yaml("# one\n" + stream)
        #expect(short.map(\.name.text) == ["a", "s", "b", "c"])
        #expect(short.count == long.count && zip(short, long).allSatisfy { $0.document.means($1.document) })
        #expect(short.map(\.source) == long.map(\.source))
        #expect(short.map(\.source) == ["f.yaml:2", "f.yaml:4", "f.yaml:11", "f.yaml:11"])
        let twice = #expect(throws: DocumentError.self) { try yaml(stream + "\n---\n{\"kind\": 1, \"kind\": 2}") }
        #expect(twice?.rule.contains("twice") == true)
        let broken = #expect(throws: DocumentError.self) { try yaml(stream + "\n---\n{\"kind\": \"project\", \n") }
        #expect(broken?.line != nil)
    }

    @Test func `aliases cannot make a small file huge`() {
        var text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
        for level in 1...9 {
            text +=
                "a\(level): &a\(level) [" + Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ",") + "]\n"
        }
        let error = #expect(throws: DocumentError.self) { try yaml(text) }
        #expect(error?.rule.hasPrefix("more than") == true)
    }

    @Test(arguments: [
        #"{"a":"no","b":"1.10","c":1.10,"d":"","e":[],"f":{},"g":[[1,2],{"x":null}],"h":"a: b #c","i":"- x","j":"é\u0001\n","k":true}"#,
        #"{"y":"Y","2001:db8::1":"02:6b:63:00:00:01","l":[{"a":1,"b":[{"c":"d"}]}],"~":"null","0":"0x10","s":" lead"}"#,
    ])
    func `what is written reads back the same`(text: String) throws {
        let node = JSONNode.object([
            ("kind", .string("project")), ("name", .string("a")),
            ("annotations", .object([("x", try JSONParser.parse(Array(text.utf8)))])),
        ])
        let written = YAMLWriter.text(node)
        let read = try #require(try yaml(written).first?.annotations["x"])
        #expect(read.means(try JSONParser.parse(Array(text.utf8))), "\(written)")
    }
}

@Suite struct `Manifests` {
    @Test func `several documents come in the order in which they can be applied`() throws {
        let text = """
            # a comment
            kind: attachment
            name: web
            spec: {segment: blue}
            ---
            kind: gateway
            name: gw
            spec: {host: h1, segments: [blue]}
            ---
            ---
            - kind: segment
              name: blue
              spec:
                ipam: automatic
            - kind: project
              name: lab
            """
        let sorted = try ManifestFile.sorted(yaml(text), project: try #require(Name("default")))
        #expect(sorted.map(\.title) == ["project lab", "segment blue", "attachment web", "gateway gw"])
        #expect(sorted[2].source == "f.yaml:2")
    }

    @Test func `defaults are filled in, so that leaving them out and writing them is the same`() throws {
        let short = try yaml("kind: attachment\nname: a\nspec: {segment: blue}")[0]
        let long = try yaml("kind: attachment\nname: a\nspec: {segment: blue, addresses: [], port: {type: tap}}")[0]
        #expect(Difference.between(short.document, long.document).isEmpty)
    }

    @Test func `what only a server sets is passed over, so that its answer can be applied`() throws {
        let text = """
            {"kind":"segmentList","revision":9,"items":[{"kind":"segment","id":"0190f3b2-0000-7000-8000-000000000001",
            "name":"blue","project":"default","revision":7,"generation":1,"created":"x","updated":"x","protected":true,
            "labels":{"a":"b"},"annotations":{"n": {"v": 1.10}},"spec":{"ipam":"none"},"status":{"vni":300}}]}
            """
        let manifest = try ManifestFile.manifests(text, source: "-", format: .json)[0]
        #expect(
            String(decoding: manifest.body, as: UTF8.self)
                == #"{"name":"blue","protected":true,"labels":{"a":"b"},"annotations":{"n":{"v": 1.10}},"#
                + #""spec":{"ipam":"none"},"kind":"segment"}"#)
    }

    @Test(arguments: [
        ("kind: segment\nname: a\nspec: {ipam: sometimes}", "spec.ipam"),
        ("kind: segment\nname: a\nspec: {ipam: none, mtu: 9000}", "spec.mtu"), ("kind: vm\nname: a", "kind"),
        ("kind: segment\nspec: {ipam: none}", "name"), ("kind: segment\nname: A\nspec: {ipam: none}", "name"),
        ("kind: host\nname: a\nproject: b\nspec: {vtep: 'fd00::1', interface: eth0}", "project"),
        ("kind: project\nname: a\nlabels: {x: 1}", "labels.x"), ("kind: project\nname: a\nextra: 1", "extra"),
        ("just a text", "(document)"),
    ])
    func `a wrong field is named`(text: String, field: String) {
        let error = #expect(throws: DocumentError.self) { try yaml(text) }
        #expect(error?.rule.hasPrefix("\(field): ") == true, "\(String(describing: error))")
    }

    @Test func `one resource twice is refused with both places`() throws {
        let manifests = try yaml("kind: project\nname: a\n---\nkind: project\nname: a\n")
        let error = #expect(throws: DocumentError.self) {
            try ManifestFile.sorted(manifests, project: try #require(Name("default")))
        }
        #expect(error?.description == "f.yaml:4: project a stands at f.yaml:1 already")
    }

    @Test(arguments: [
        ("a.json", "", ManifestFile.Format.json), ("a.yml", "{}", .yaml), ("-", " \n{", .json), ("-", "kind: a", .yaml),
        ("json", "a: b", .yaml),
    ])
    func `the format follows the name, then the text`(name: String, text: String, format: ManifestFile.Format) {
        #expect(ManifestFile.format(name: name, text: text) == format)
    }
}
