import FoundationEssentials
import Resources
import SeededRandomness
import Testing

@Suite struct ResourceTests {
    private func parse(_ text: String) throws -> JSONNode { try JSONParser.parse(Array(text.utf8)) }

    @Test(arguments: ["a", "web", "web-1", "0", String(repeating: "a", count: 63)])
    func `DNS labels are names`(text: String) { #expect(Name(text)?.text == text) }

    @Test(arguments: [
        "", "-a", "a-", "A", "a.b", "a b", "a\n", "a\"", "a'", "a/b", "ä", "a_b", String(repeating: "a", count: 64),
        String(repeating: "a", count: 300), "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
    ])
    func `anything else is no name`(text: String) { #expect(Name(text) == nil) }

    @Test func `annotations come back byte for byte`() throws {
        let text = #"{"a":{"z":1.00,  "y" : [1e2,"\u00e4"]},"b":"\/","c":null,"d":123456789012345678901234567890}"#
        let annotations = try Annotations(json: parse(text), path: "annotations")
        #expect(String(decoding: annotations.json, as: UTF8.self) == text)
    }

    @Test func `annotations are bounded`() throws {
        let big = "{\"a\":\"" + String(repeating: "x", count: 70_000) + "\"}"
        #expect(throws: FieldError.self) { try Annotations(json: parse(big), path: "annotations") }
        #expect(throws: FieldError.self) { try Annotations(json: parse("{\"\":1}"), path: "annotations") }
        #expect(throws: FieldError.self) { try Annotations(json: parse("[]"), path: "annotations") }
    }

    @Test func `labels keep their rules`() throws {
        var labels = Labels()
        try labels.set("env", "prod")
        try labels.set("example.org/tier", "")
        for (key, value) in [
            ("", "a"), ("a b", "c"), ("-a", "b"), ("a", "b c"), ("a", "\n"), ("a", String(repeating: "x", count: 64)),
            ("ä", "b"),
        ] {
            #expect(throws: FieldError.self) { try labels.set(key, value) }
        }
        for index in 0..<62 { try labels.set("k\(index)", "v") }
        #expect(throws: FieldError.self) { try labels.set("one-more", "v") }
    }

    @Test(arguments: [
        ("env=prod", true), ("env==prod", true), ("env=dev", false), ("env!=dev", true), ("env!=prod", false),
        ("none!=x", true),
        ("env in (dev, prod)", true), ("env in (dev)", false), ("none in (a)", false), ("env notin (dev)", true),
        ("none notin (a)", true), ("env", true), ("none", false), ("!none", true), ("!env", false),
        ("env=prod,tier=db", true),
        ("env=prod,tier!=db", false), ("env in (a,prod),tier in (db),!x", true), ("empty=", true),
    ])
    func `a selector matches as it says`(text: String, matches: Bool) throws {
        var labels = Labels()
        try labels.set("env", "prod")
        try labels.set("tier", "db")
        try labels.set("empty", "")
        #expect(try Selector(parsing: text).matches(labels) == matches)
    }

    @Test(arguments: [
        "", ",", "a=b,", "=a", "a in", "a in (b", "a in b)", "a in (b) c", "a like (b)", "a b", "a=b=c", "a\n=b",
        "a in ()", "!",
    ])
    func `a selector that makes no sense is refused`(text: String) {
        #expect(throws: FieldError.self) { try Selector(parsing: text) }
    }

    @Test func `times are RFC 3339 and come back`() throws {
        #expect(Timestamp(milliseconds: 0).description == "1970-01-01T00:00:00.000Z")
        #expect(Timestamp(milliseconds: 1_709_210_096_789).description == "2024-02-29T12:34:56.789Z")
        #expect(Timestamp(milliseconds: -1).description == "1969-12-31T23:59:59.999Z")
        var random = SeededGenerator(printedFor: "times")
        for _ in 0..<5000 {
            let time = Timestamp(milliseconds: Int64.random(in: 0...253_402_300_799_999, using: &random))
            #expect(Timestamp(rfc3339: time.description) == time)
        }
    }

    @Test(arguments: [
        ("1985-04-12T23:20:50.52Z", 482_196_050_520), ("1996-12-19T16:39:57-08:00", 851_042_397_000),
        ("2027-01-31T12:00:00Z", 1_801_396_800_000), ("1970-01-01T00:00:00.000000001Z", 0),
        ("1970-01-01T01:30:00+01:30", 0), ("0001-01-01T00:00:00Z", -62_135_596_800_000),
    ])
    func `a time is read as people write it`(text: String, milliseconds: Int64) {
        #expect(Timestamp(rfc3339: text)?.milliseconds == milliseconds)
    }

    @Test(arguments: [
        "2024-02-30T00:00:00.000Z", "2024-01-01 00:00:00.000Z", "2024-01-01T00:00:00", "2024-01-01T00:00:00.Z", "x", "",
        "2024-01-01T24:00:00Z", "2024-01-01T00:00:60Z", "2024-01-01T00:00:00+24:00", "2024-01-01T00:00:00+0100",
        "2024-01-01T00:00:00.1234567890Z", "2024-01-01T00:00:00Zx", "+024-01-01T00:00:00Z", "2024-1-01T00:00:00.00Z",
        "2024-01-01T00:00:00.5", "2024-01-01T00:00:00+1:100", "2024-01-01T00:00:00+:0100",
        // Before and after what four digits can write in UTC: it could not be read again.
        "0000-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01",
    ])
    func `what is no time is refused`(text: String) {
        #expect(Timestamp(rfc3339: text) == nil)
    }

    enum Thing: ResourceKind {
        static let kind = KindName("thing", plural: "things", isInProject: true)
        typealias Spec = Nothing
        typealias Assigned = Nothing
    }

    @Test func `a stored resource comes back whole`() throws {
        var labels = Labels()
        try labels.set("a", "b")
        let resource = Resource<Thing>(
            metadata: Metadata(
                id: ResourceID(UUID()), name: try #require(Name("x")), project: Name("default"), generation: 3,
                created: Timestamp(milliseconds: 1), updated: Timestamp(milliseconds: 2), protected: true,
                labels: labels,
                annotations: try Annotations(json: parse(#"{"k":[1.0]}"#), path: "annotations")),
            spec: Nothing(), assigned: Nothing())
        #expect(try Resource<Thing>(json: JSONParser.parse(resource.json), path: "") == resource)
        #expect(throws: FieldError.self) { try Resource<Thing>(json: parse(#"{"kind":"other"}"#), path: "") }
    }
}
