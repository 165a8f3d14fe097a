import APIClient
import Testing

@Suite struct `Event stream parser` {
    private static let text = """
        \u{feff}: keep-alive\r
        event: put\r
        id: 12\r
        data: {"a":\r
        data: 1}\r
        \r
        retry: 10\r
        data\r
        \r
        event: nothing\r
        \r
        :\r
        id: 1\u{0}3\r
        unknown: x\r
        data:  two spaces\r
        \r

        """
    private static let events = [
        ServerEvent(name: "put", id: "12", data: Array("{\"a\":\n1}".utf8)),
        ServerEvent(data: []),
        ServerEvent(data: Array(" two spaces".utf8)),
    ]

    @Test(arguments: ["\r\n", "\n", "\r"])
    func `the events are the same however the lines end and wherever the bytes are cut`(ending: String) throws {
        // The text of a multi-line literal has CR LF as written above.
        let bytes = Array(
            Self.text.split(separator: "\r\n", omittingEmptySubsequences: false)
                .joined(separator: ending).utf8)
        for cut in 0...bytes.count {
            for second in [cut, min(cut + 1, bytes.count)] {
                var parser = EventStreamParser()
                var events = try parser.feed(bytes[..<cut])
                events += try parser.feed(bytes[cut..<second])
                events += try parser.feed(bytes[second...])
                #expect(events == Self.events, "cut at \(cut) and \(second)")
            }
        }
        var single = EventStreamParser()
        #expect(try bytes.flatMap { try single.feed([$0]) } == Self.events)
    }

    @Test func `an event that does not end gives nothing`() throws {
        var parser = EventStreamParser()
        #expect(try parser.feed(Array("data: 1\ndata: 2\n".utf8)) == [])
    }

    @Test func `carriage returns are put back where the server says they were, and nothing else is`() throws {
        var parser = EventStreamParser()
        let events = try parser.feed(Array("data: {\ndata: \ndata: 1}\ncr: 1 2 0 99 -1 x\n\ndata: a\ndata: b\n\n".utf8))
        #expect(events.map(\.data) == [Array("{\r\r1}".utf8), Array("a\nb".utf8)])
    }

    @Test func `fields of one event do not reach the next`() throws {
        var parser = EventStreamParser()
        let events = try parser.feed(Array("event: a\nid: 1\ndata: x\n\ndata: y\n\n".utf8))
        #expect(events == [ServerEvent(name: "a", id: "1", data: Array("x".utf8)), ServerEvent(data: Array("y".utf8))])
    }

    @Test func `a line or an event beyond the bound is refused, whatever pieces it comes in`() throws {
        var line = EventStreamParser(maximumEvent: 16)
        #expect(throws: EventStreamParser.TooLarge()) { try line.feed(Array(repeating: 97, count: 17)) }
        var pieces = EventStreamParser(maximumEvent: 16)
        #expect(throws: EventStreamParser.TooLarge()) { for _ in 0..<17 { _ = try pieces.feed([97]) } }
        var event = EventStreamParser(maximumEvent: 16)
        #expect(throws: EventStreamParser.TooLarge()) {
            for _ in 0..<9 { _ = try event.feed(Array("data: 1\n".utf8)) }
        }
        var comments = EventStreamParser(maximumEvent: 16)
        for _ in 0..<100 { #expect(try comments.feed(Array(": alive\n\n".utf8)) == []) }
    }

    @Test func `names, ids and lists of carriage returns that no server of KC's writes are refused, and cost little`()
        throws
    {
        for field in ["event", "id"] {
            var good = EventStreamParser()
            _ = try good.feed(Array("\(field): \(String(repeating: "x", count: 1024))\ndata: 1\n\n".utf8))
            var parser = EventStreamParser()
            #expect(throws: EventStreamParser.TooLarge(), "\(field)") {
                try parser.feed(Array("\(field): \(String(repeating: "x", count: 1025))\n".utf8))
            }
        }
        var most = EventStreamParser()
        let returns = Array(repeating: "0", count: 1 << 17)
        let data = Array("data\ndata\ncr: \(returns.joined(separator: " "))\n\n".utf8)
        #expect(try most.feed(data) == [ServerEvent(data: [UInt8(ascii: "\r")])])
        var parser = EventStreamParser()
        #expect(throws: EventStreamParser.TooLarge()) {
            try parser.feed(Array("cr: \((returns + ["0"]).joined(separator: " "))\n".utf8))
        }
    }
}
