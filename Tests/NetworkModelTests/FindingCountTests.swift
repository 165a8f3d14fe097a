import Addressing
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

    @Test(arguments: ["-1", "\(Int.max)", "1099511627777"])
    func `what a gateway, a router and a resolver are said to count or to say has bounds too`(count: String) throws {
        func hop(_ count: String) throws {
            let text =
                #"{"device":"up0","exists":true,"isRunning":true,"requestsIn":1,"requestsOut":1,"answersIn":1,"#
                + #""answersOut":\#(count)}"#
            _ = try GatewayFinding.Hop(json: try JSONParser.parse(Array(text.utf8)), path: "")
        }
        try hop("1099511627776")
        #expect(throws: FieldError.self) { try hop(count) }
        func gateway(_ members: String) throws {
            let hop =
                #"{"device":"up0","exists":true,"isRunning":true,"requestsIn":1,"requestsOut":1,"answersIn":1,"#
                + #""answersOut":1}"#
            let text =
                #"{"exists":true,"isForwarding":true,"hasRouterAddress":true,"hasWayOut":true,"inner":\#(hop),\#(members)}"#
            _ = try GatewayFinding(json: try JSONParser.parse(Array(text.utf8)), path: "")
        }
        try gateway(#""drops":{"policy":1099511627776},"lacks":"192.0.2.1""#)
        #expect(throws: FieldError.self) { try gateway(#""drops":{"policy":\#(count)}"#) }
        #expect(throws: FieldError.self) { try gateway(#""drops":{"Not a reason":1}"#) }
        #expect(throws: FieldError.self) { try gateway(#""lacks":"\#(String(repeating: "x", count: 65))""#) }
        func router(_ lifetime: String) throws {
            let text = #"{"address":"fe80::1","mac":"02:00:00:00:00:01","lifetime":\#(lifetime)}"#
            _ = try RouterFinding(json: try JSONParser.parse(Array(text.utf8)), path: "")
        }
        try router("65535")
        for lifetime in [count, "65536"] { #expect(throws: FieldError.self) { try router(lifetime) } }
        func names(_ code: String) throws {
            _ = try NamesFinding(json: try JSONParser.parse(Array(#"{"own":\#(code),"asked":0}"#.utf8)), path: "")
        }
        try names("4095")
        for code in [count, "4096"] { #expect(throws: FieldError.self) { try names(code) } }
    }

    @Test func `counters of kernels and daemons have bounds, so that their sums have an end`() throws {
        let most: UInt64 = 1 << 60
        func read<Value: JSONCodable>(_ type: Value.Type, _ value: some JSONWritable) throws {
            _ = try Value(json: try JSONParser.parse(value.json), path: "")
        }
        try read(DropReport.self, DropReport(counters: ["policy": most], unseen: most))
        let mapping = TranslationReport.Mapping(
            ipv4: try IPv4Address(parsing: "192.0.2.1"), sentPackets: most, sentBytes: most, receivedPackets: most,
            receivedBytes: most)
        try read(
            TranslationReport.self,
            TranslationReport(translator: "kernel", counters: ["toIPv4": most], mappings: [mapping]))
        #expect(throws: FieldError.self) { try read(DropReport.self, DropReport(counters: ["policy": .max])) }
        #expect(throws: FieldError.self) { try read(DropReport.self, DropReport(counters: [:], unseen: most + 1)) }
        #expect(throws: FieldError.self) {
            try read(TranslationReport.self, TranslationReport(translator: "kernel", counters: ["toIPv4": most + 1]))
        }
        var wrong = mapping
        wrong.sentBytes = .max
        #expect(throws: FieldError.self) { try read(TranslationReport.Mapping.self, wrong) }
        #expect(throws: FieldError.self) { try read(LeaseReport.self, LeaseReport(leases: [], total: .max)) }
        for capture in [
            CaptureReport(devices: [], frames: 1 << 41), CaptureReport(devices: [], dropped: .max),
            CaptureReport(devices: [CaptureReport.Device(.port, "kct0", lost: 1 << 41)]),
        ] { #expect(throws: FieldError.self) { try read(CaptureReport.self, capture) } }
    }
}
