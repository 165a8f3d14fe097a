/// Why a text is not JSON that KC accepts, and where.
package struct JSONError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Byte offset from 0.
    package let offset: Int
    /// The rule that was broken, as a clause.
    package let rule: String

    package init(offset: Int, rule: String) {
        self.offset = offset
        self.rule = rule
    }

    package var description: String { "not valid JSON at byte \(offset): \(rule)" }
}

/// A strict parser for RFC 8259: UTF-8 only, no duplicate names, no trailing text, bounded depth.
///
/// Time is linear in the size of the text and recursion is bounded by `maximumDepth`, so that no input can exhaust the
/// stack. The size of the text is the caller's to bound before it calls; how many values it has is bounded here, since a
/// value takes well over a hundred bytes of memory though it be written in three.
package struct JSONParser {
    /// Deep enough for any resource with annotations; shallow enough for any thread's stack.
    package static let maximumDepth = 32
    /// Values of one document: more than any resource has, at 8 bytes each a whole mebibyte of text.
    package static let ordinaryValues = 1 << 17
    /// Values of many documents in one request.
    package static let batchValues = 1 << 20
    /// Values of what is large and comes from whom the reader has chosen: a page of resources or a host's whole state from a
    /// server, a file of resources.
    package static let largeValues = 1 << 21

    private let bytes: [UInt8]
    private var position = 0
    private var valuesLeft: Int
    private let maximumValues: Int

    /// The same of what KC has written itself and keeps where nobody else writes: it was bounded when it came in.
    /// - Throws: as the other.
    package static func parse(kept bytes: [UInt8]) throws(JSONError) -> JSONNode {
        try parse(bytes, atMost: .max)
    }

    /// - Parameter values: how many values the text may have, those that hold others included.
    /// - Throws: `JSONError` with the offset of the first byte that breaks a rule.
    package static func parse(_ bytes: [UInt8], atMost values: Int = ordinaryValues) throws(JSONError) -> JSONNode {
        do { _ = try UTF8Span(validating: bytes.span) } catch {
            throw JSONError(offset: 0, rule: "the text is not UTF-8")
        }
        var parser = JSONParser(bytes, atMost: values)
        parser.skipSpace()
        let node = try parser.value(depth: 0)
        parser.skipSpace()
        guard parser.position == bytes.count else { throw parser.error("there is text after the value") }
        return node
    }

    private init(_ bytes: [UInt8], atMost values: Int) {
        self.bytes = bytes
        valuesLeft = values
        maximumValues = values
    }

    private func error(_ rule: String) -> JSONError { JSONError(offset: position, rule: rule) }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x09, 0x0a, 0x0d: position += 1
            default: return
            }
        }
    }

    private mutating func value(depth: Int) throws(JSONError) -> JSONNode {
        guard depth < Self.maximumDepth else { throw error("values are nested deeper than \(Self.maximumDepth)") }
        guard valuesLeft > 0 else { throw error("there are more than \(maximumValues) values: send less at once") }
        valuesLeft -= 1
        let start = position
        let content: JSONNode.Content
        switch next {
        case UInt8(ascii: "{"): content = try object(depth: depth)
        case UInt8(ascii: "["): content = try array(depth: depth)
        case UInt8(ascii: "\""): content = .string(try string())
        case UInt8(ascii: "t"): content = try literal("true", .bool(true))
        case UInt8(ascii: "f"): content = try literal("false", .bool(false))
        case UInt8(ascii: "n"): content = try literal("null", .null)
        case UInt8(ascii: "-"), .some(48...57): content = .number(try number())
        case nil: throw error("the text ends where a value is needed")
        default: throw error("no value begins with this byte")
        }
        return JSONNode(content: content, raw: bytes[start..<position])
    }

    private mutating func literal(_ text: StaticString, _ content: JSONNode.Content) throws(JSONError)
        -> JSONNode.Content
    {
        let wanted = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        guard bytes[position...].starts(with: wanted) else { throw error("no value begins like this") }
        position += wanted.count
        return content
    }

    private mutating func object(depth: Int) throws(JSONError) -> JSONNode.Content {
        var members: [(name: String, value: JSONNode)] = []
        var names = MemberNames()
        position += 1
        skipSpace()
        if next == UInt8(ascii: "}") {
            position += 1
            return .object([])
        }
        while true {
            guard next == UInt8(ascii: "\"") else { throw error("a member's name in quotes is needed here") }
            let name = try string()
            guard names.insert(name, into: members) else {
                throw error("the name '\(name.prefix(64))' stands twice in one object")
            }
            skipSpace()
            guard next == UInt8(ascii: ":") else { throw error("':' is needed here") }
            position += 1
            skipSpace()
            members.append((name, try value(depth: depth + 1)))
            skipSpace()
            if next == UInt8(ascii: "}") {
                position += 1
                return .object(members)
            }
            guard next == UInt8(ascii: ",") else { throw error("',' or '}' is needed here") }
            position += 1
            skipSpace()
        }
    }

    private mutating func array(depth: Int) throws(JSONError) -> JSONNode.Content {
        var elements: [JSONNode] = []
        position += 1
        skipSpace()
        if next == UInt8(ascii: "]") {
            position += 1
            return .array([])
        }
        while true {
            elements.append(try value(depth: depth + 1))
            skipSpace()
            if next == UInt8(ascii: "]") {
                position += 1
                return .array(elements)
            }
            guard next == UInt8(ascii: ",") else { throw error("',' or ']' is needed here") }
            position += 1
            skipSpace()
        }
    }

    private mutating func number() throws(JSONError) -> String {
        let start = position
        if next == UInt8(ascii: "-") { position += 1 }
        if next == UInt8(ascii: "0") { position += 1 } else { try digits() }
        if next == UInt8(ascii: ".") {
            position += 1
            try digits()
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            position += 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { position += 1 }
            try digits()
        }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private mutating func digits() throws(JSONError) {
        guard let first = next, (48...57).contains(first) else { throw error("a digit is needed here") }
        while let digit = next, (48...57).contains(digit) { position += 1 }
    }

    private mutating func string() throws(JSONError) -> String {
        position += 1
        let start = position
        while let byte = next, byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") { position += 1 }
        if next == UInt8(ascii: "\"") {
            position += 1
            return String(decoding: bytes[start..<position - 1], as: UTF8.self)
        }
        // Something has to be translated, or is wrong.
        var text = Array(bytes[start..<position])
        while let byte = next {
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
            case 0..<0x20: throw error("a control character stands unescaped in a string")
            case UInt8(ascii: "\\"): text.append(contentsOf: String(try escape()).utf8)
            default: text.append(byte)
            }
        }
        throw error("a string does not end")
    }

    private mutating func escape() throws(JSONError) -> Unicode.Scalar {
        guard let byte = next else { throw error("a string does not end") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            let unit = try hexUnit()
            if (0xd800..<0xdc00).contains(unit) {
                guard bytes[position...].starts(with: Array("\\u".utf8)) else {
                    throw error("half of a surrogate pair")
                }
                position += 2
                let low = try hexUnit()
                guard (0xdc00..<0xe000).contains(low),
                    let scalar = Unicode.Scalar(0x10000 + (unit - 0xd800) << 10 + (low - 0xdc00))
                else { throw error("half of a surrogate pair") }
                return scalar
            }
            guard let scalar = Unicode.Scalar(unit) else { throw error("half of a surrogate pair") }
            return scalar
        default: throw error("no escape is written like this")
        }
    }

    private mutating func hexUnit() throws(JSONError) -> UInt32 {
        guard position + 4 <= bytes.count else { throw error("an escape does not end") }
        var unit: UInt32 = 0
        for byte in bytes[position..<position + 4] {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw error("an escape needs four hex digits")
            }
            unit = unit << 4 | UInt32(digit)
        }
        position += 4
        return unit
    }
}

/// Whether a name is new in an object: the few names of an ordinary one are compared, many are hashed.
private struct MemberNames {
    private var hashed: Set<String> = []
    private static let few = 16

    /// False when `name` is among the members already; it is about to become one.
    mutating func insert(_ name: String, into members: [(name: String, value: JSONNode)]) -> Bool {
        guard members.count >= Self.few else { return !members.contains { $0.name == name } }
        if hashed.isEmpty { hashed = Set(members.map(\.name)) }
        return hashed.insert(name).inserted
    }
}
