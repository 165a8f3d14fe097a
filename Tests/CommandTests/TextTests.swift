import Documents
import Resources
import Testing

private func json(_ text: String) throws -> JSONNode { try JSONParser.parse(Array(text.utf8)) }

@Suite struct `Tables` {
    @Test func `columns are aligned by the cells a terminal shows, not by characters`() {
        var table = Table(["name", "where", "x"])
        table.add(["a", "e\u{301}", "1"])
        table.add(["長い名前", "b", ""])
        #expect(table.lines() == ["NAME      WHERE  X", "a         e\u{301}      1", "長い名前  b"])
    }

    @Test func `nothing in a cell can steer the terminal`() {
        var table = Table(["message"])
        table.add([.init("a\u{1b}[2J\nb\u{202e}c\u{9b}")])
        #expect(table.lines(withHeader: false) == ["a\\u{1b}[2J\\u{a}b\\u{202e}c\\u{9b}"])
    }

    @Test func `colour is added around the padded text only when it is asked for`() {
        var table = Table(["phase", "x"])
        table.add([.init("up", .good), "y"])
        #expect(table.lines(coloured: true, withHeader: false) == ["\u{1b}[32mup   \u{1b}[0m  y"])
        #expect(table.lines(withHeader: false) == ["up     y"])
    }
}

@Suite struct `Differences` {
    @Test func `every field that differs is shown once, with its path`() throws {
        let old = try json(#"{"name":"a","labels":{"x":"1"},"spec":{"list":["p","q"],"n":1.0,"gone":{"k":[1]}}}"#)
        let new = try json(#"{"labels":{"x":"1","y":"2"},"name":"a","spec":{"n":1.00,"list":["p","r","s"],"o":{}}}"#)
        #expect(
            Difference.between(old, new).map(\.line) == [
                "+ labels.y: 2", "~ spec.list[1]: q -> r", "+ spec.list[2]: s", "~ spec.n: 1.0 -> 1.00",
                "- spec.gone.k[0]: 1", "+ spec.o: {}",
            ])
        #expect(Difference.between(old, old).isEmpty)
    }

    @Test func `order of members and white space are no difference`() throws {
        #expect(
            try Difference.between(json(#"{"a":1,"b":[true,null]}"#), json(#"{ "b": [true, null], "a": 1 }"#)).isEmpty)
    }
}

@Suite struct `JSON for people` {
    @Test func `annotations keep their own bytes, all else is laid out`() throws {
        let node = try json(#"{"name":"a","annotations":{"x":{"b": 1.10,"a":[1,2]}},"spec":{"l":[],"p":["q"]}}"#)
        #expect(
            JSONLayout.text(node) == """
                {
                  "name": "a",
                  "annotations": {
                    "x": {"b": 1.10,"a":[1,2]}
                  },
                  "spec": {
                    "l": [],
                    "p": [
                      "q"
                    ]
                  }
                }
                """)
    }
}

@Suite struct `Redaction of secrets` {
    @Test(arguments: [
        "token: CANARY-1", #""credential": "CANARY \"2\"", "#, "password=CANARY3;", "Authorization: Bearer CANARY.4",
        "kch_CANARY55555", "x kcj_CANARY666.abc y", "admin_token = CANARY7", #"{"apiKey": "CANARY8"}"#,
        "KC_TOKEN=CANARY9", "a raw CANARY-known-secret in a line",
        "-----BEGIN EC PRIVATE KEY-----\nCANARY\n-----END EC PRIVATE KEY-----\n",
        "-----BEGIN PRIVATE KEY-----\nCANARY",
    ])
    func `takes them out`(text: String) {
        let result = Redaction(secrets: ["CANARY-known-secret"]).apply("before\n\(text)")
        #expect(!result.contains("CANARY"))
        #expect(result.contains(Redaction.mark))
        #expect(result.hasPrefix("before\n"))
    }

    @Test func `leaves the rest as it is`() {
        let text = """
            {"kind":"segment","labels":{"ring":"a"},"mac":"02:6b:63:00:00:01"}
            -----BEGIN CERTIFICATE-----
            MIIB
            -----END CERTIFICATE-----
            kcx00012c: <BROADCAST,MULTICAST,UP>
            """
        #expect(Redaction().apply(text) == text)
    }
}
