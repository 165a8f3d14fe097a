import Resources
import SeededRandomness
import Testing

@Suite struct JSONTests {
    private func parse(_ text: String) throws -> JSONNode { try JSONParser.parse(Array(text.utf8)) }

    @Test(arguments: [
        "null", "true", "0", "-1.5e+10", "\"\"", "[]", "{}", "[1,[2,{\"a\":null}]]", " { \"a\" : 1 } ",
        "\"\\ud83d\\ude00\"", "\"ä\"",
        "1E400", "123456789012345678901234567890",
    ])
    func `valid texts are read`(text: String) throws { _ = try parse(text) }

    @Test(arguments: [
        "", " ", "nul", "tru", "01", "1.", "+1", ".5", "1e", "-", "\"", "\"\u{1}\"", "\"\\x\"", "\"\\u12\"",
        "\"\\ud800\"", "\"\\udc00\"",
        "[1,]", "[1 2]", "[", "{\"a\"}", "{\"a\":1,}", "{a:1}", "{\"a\":1 \"b\":2}", "{\"a\":1,\"a\":2}", "1 2", "NaN",
        "'a'", "\u{feff}1",
    ])
    func `invalid texts are refused`(text: String) { #expect(throws: JSONError.self) { try parse(text) } }

    @Test func `bytes that are not UTF-8 are refused`() {
        #expect(throws: JSONError(offset: 0, rule: "the text is not UTF-8")) {
            try JSONParser.parse([0x22, 0xff, 0x22])
        }
        #expect(throws: JSONError.self) { try JSONParser.parse([0x22, 0xc0, 0x80, 0x22]) }
    }

    @Test func `a million brackets are refused before they cost a stack`() {
        #expect(throws: JSONError(offset: 32, rule: "values are nested deeper than 32")) {
            try JSONParser.parse([UInt8](repeating: UInt8(ascii: "["), count: 1_000_000))
        }
    }

    @Test func `more values than the bound are refused before they cost memory`() throws {
        func lists(_ count: Int) -> [UInt8] {
            Array(("[" + Array(repeating: "[]", count: count - 1).joined(separator: ",") + "]").utf8)
        }
        _ = try JSONParser.parse(lists(JSONParser.ordinaryValues))
        let rule = "there are more than \(JSONParser.ordinaryValues) values: send less at once"
        #expect(throws: JSONError(offset: 3 * JSONParser.ordinaryValues - 2, rule: rule)) {
            try JSONParser.parse(lists(JSONParser.ordinaryValues + 1))
        }
        #expect(throws: JSONError.self) { try JSONParser.parse(Array(#"{"a":[1,2]}"#.utf8), atMost: 3) }
        _ = try JSONParser.parse(Array(#"{"a":[1,2]}"#.utf8), atMost: 4)
        // What KC keeps itself was bounded when it came in.
        _ = try JSONParser.parse(kept: lists(JSONParser.ordinaryValues + 1))
    }

    @Test func `what is written is read again, whatever the characters`() throws {
        var random = SeededGenerator(printedFor: "JSON strings")
        for _ in 0..<3000 {
            var scalars = String.UnicodeScalarView()
            for _ in 0..<Int.random(in: 0...12, using: &random) {
                if let scalar = Unicode.Scalar(
                    UInt32.random(in: 0...(Bool.random(using: &random) ? 0x7f : 0x10ffff), using: &random))
                {
                    scalars.append(scalar)
                }
            }
            let text = String(scalars)
            let node = try JSONParser.parse([text: [text]].json)
            #expect(node[text]?.raw.elementsEqual([text].json) == true)
            guard case .array(let nodes)? = node[text]?.content else {
                Issue.record("no array")
                continue
            }
            #expect(nodes[0].string?.unicodeScalars.elementsEqual(scalars) == true)
        }
    }

    @Test func `errors name the field, the value and the rule`() throws {
        var reader = try FieldReader(parse(#"{"a":1,"list":["x",2],"extra":true}"#), path: "spec")
        #expect(throws: FieldError(field: "spec.a", value: "1", rule: "must be a string, not a number")) {
            try reader.required("a", as: String.self)
        }
        #expect(throws: FieldError(field: "spec.list[1]", value: "2", rule: "must be a string, not a number")) {
            try reader.required("list", as: [String].self)
        }
        #expect(throws: FieldError(field: "spec.missing", rule: "is required")) {
            try reader.required("missing", as: Int.self)
        }
        #expect(throws: FieldError(field: "spec.extra", rule: "is not a field here; the fields are a, list, missing")) {
            try reader.finish()
        }
    }

    @Test(arguments: ["1.0", "1e3", "\"1\"", "9223372036854775808", "true", "null "])
    func `a whole number is only a plain one that fits`(text: String) throws {
        #expect(throws: FieldError.self) { try [Int](json: parse("[\(text)]"), path: "x") }
    }
}
