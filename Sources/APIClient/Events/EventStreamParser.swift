/// Cuts the bytes of a `text/event-stream` into events (WHATWG HTML, section 9.2.6), whatever pieces they come in.
///
/// Lines end with LF, CR or CR LF. Comments (keep-alives), `retry` and unknown fields are passed over. An event
/// without data is no event. What is held of an unfinished event is bounded.
///
/// KC's own field `cr` lists the offsets in the data at which a line feed stands for a carriage return, which no data
/// line can carry: with it the data is what the server had, byte for byte.
package struct EventStreamParser {
    /// One event's bytes may not exceed this.
    package let maximumEvent: Int
    /// More than an event of one resource has, with what every host says of it.
    package static let ordinaryEvent = 8 << 20
    /// More than the whole desired state of a full host.
    package static let largeEvent = 64 << 20
    /// Bytes of a name or an id.
    private static let maximumWord = 1024
    /// Carriage returns of one event: what a resource's annotations may have twice.
    private static let maximumReturns = 1 << 17

    private var line: [UInt8] = []
    private var lastWasCR = false
    private var isFirstLine = true
    private var name: String?
    private var id: String?
    private var data: [UInt8] = []
    private var hasData = false
    private var returns: [Int] = []

    package init(maximumEvent: Int = ordinaryEvent) { self.maximumEvent = maximumEvent }

    /// The stream has an event or a line larger than `maximumEvent`, or a name, an id or a list of carriage returns larger
    /// than any can be: nothing after it can be trusted to be whole.
    package struct TooLarge: Error, Hashable {
        package init() {}
    }

    /// Takes the next bytes and gives the events they complete.
    package mutating func feed(_ bytes: some Collection<UInt8>) throws(TooLarge) -> [ServerEvent] {
        var events: [ServerEvent] = []
        var rest = bytes[...]
        // The LF of a CR LF that was cut between two pieces.
        if lastWasCR, let first = rest.first {
            lastWasCR = false
            if first == UInt8(ascii: "\n") { rest = rest.dropFirst() }
        }
        while let end = rest.firstIndex(where: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }) {
            try hold(rest[..<end])
            let isCR = rest[end] == UInt8(ascii: "\r")
            rest = rest[rest.index(after: end)...]
            if isCR {
                if rest.first == UInt8(ascii: "\n") { rest = rest.dropFirst() } else { lastWasCR = rest.isEmpty }
            }
            if let event = try endLine() { events.append(event) }
        }
        try hold(rest)
        return events
    }

    private mutating func hold(_ piece: some Collection<UInt8>) throws(TooLarge) {
        guard line.count + data.count + piece.count <= maximumEvent else { throw TooLarge() }
        line.append(contentsOf: piece)
    }

    private mutating func endLine() throws(TooLarge) -> ServerEvent? {
        defer { line.removeAll(keepingCapacity: line.count <= 65_536) }
        if isFirstLine {
            isFirstLine = false
            // One byte order mark may lead the stream.
            if line.starts(with: [0xef, 0xbb, 0xbf]) { line.removeFirst(3) }
        }
        guard !line.isEmpty else { return dispatch() }
        let colon = line.firstIndex(of: UInt8(ascii: ":"))
        let field = line[..<(colon ?? line.endIndex)]
        var value = colon.map { line[($0 + 1)...] } ?? []
        if value.first == UInt8(ascii: " ") { value.removeFirst() }
        switch String(decoding: field, as: UTF8.self) {
        case "event": name = try word(value)
        case "id" where !value.contains(0): id = try word(value)
        case "data":
            if hasData { data.append(UInt8(ascii: "\n")) }
            hasData = true
            data.append(contentsOf: value)
        case "cr":
            returns = try offsets(value)
        default: break
        }
        return nil
    }

    private func word(_ value: ArraySlice<UInt8>) throws(TooLarge) -> String {
        guard value.count <= Self.maximumWord else { throw TooLarge() }
        return String(decoding: value, as: UTF8.self)
    }

    private func offsets(_ value: ArraySlice<UInt8>) throws(TooLarge) -> [Int] {
        var offsets: [Int] = []
        var rest = value
        while !rest.isEmpty {
            let number = rest.prefix { $0 != UInt8(ascii: " ") }
            rest = rest[number.endIndex...].dropFirst()
            guard let offset = Int(String(decoding: number.prefix(20), as: UTF8.self)) else { continue }
            guard offsets.count < Self.maximumReturns else { throw TooLarge() }
            offsets.append(offset)
        }
        return offsets
    }

    private mutating func dispatch() -> ServerEvent? {
        defer {
            name = nil
            id = nil
            data = []
            hasData = false
            returns = []
        }
        guard hasData else { return nil }
        for offset in returns where data.indices.contains(offset) && data[offset] == UInt8(ascii: "\n") {
            data[offset] = UInt8(ascii: "\r")
        }
        return ServerEvent(name: name ?? "message", id: id, data: data)
    }
}
