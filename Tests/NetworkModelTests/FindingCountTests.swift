import NetworkModel
import Resources
import Testing

/// What hosts have counted, which a server computes with.
struct FindingCountTests {
    @Test(arguments: ["-1", "\(Int.max)", "1099511627777"])
    func `a count that no measuring reaches is refused`(count: String) throws {
        func tally(_ member: String) throws {
            let text = #"{"kind":"echo","sent":1,"onWire":1,"delivered":1,\#(member)}"#
            _ = try ProbeTally(json: try JSONParser.parse(Array(text.utf8)), path: "")
        }
        try tally(#""corrupt":1,"microseconds":1099511627776"#)
        for name in ["expected", "corrupt", "microseconds"] {
            #expect(throws: FieldError.self, "\(name)") { try tally(#""\#(name)":\#(count)"#) }
        }
        #expect(throws: FieldError.self) { try tally(#""drops":{"policy":\#(count)}"#) }
        let passage = #"{"left":\#(count),"entered":0,"solicitationsLeft":0,"solicitationsEntered":0}"#
        #expect(throws: FieldError.self) {
            _ = try PassageFinding(json: try JSONParser.parse(Array(passage.utf8)), path: "")
        }
    }
}
