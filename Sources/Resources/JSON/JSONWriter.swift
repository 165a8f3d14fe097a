/// Writes JSON text: names and strings escaped, no white space, members in the order they are written.
///
/// A value type that only ever appends; the caller keeps the nesting balanced through the closures.
package struct JSONWriter: Sendable {
    package private(set) var bytes: [UInt8] = []
    private var needsComma = false

    /// - Parameter capacity: bytes to make room for at once.
    package init(capacity: Int = 0) { if capacity > 0 { bytes.reserveCapacity(capacity) } }

    package mutating func object(_ members: (inout JSONWriter) throws -> Void) rethrows {
        separate()
        bytes.append(UInt8(ascii: "{"))
        needsComma = false
        try members(&self)
        bytes.append(UInt8(ascii: "}"))
        needsComma = true
    }

    package mutating func array(_ elements: (inout JSONWriter) throws -> Void) rethrows {
        separate()
        bytes.append(UInt8(ascii: "["))
        needsComma = false
        try elements(&self)
        bytes.append(UInt8(ascii: "]"))
        needsComma = true
    }

    /// Writes the name of a member; its value must be the next thing written.
    package mutating func name(_ name: String) {
        separate()
        quote(name)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    package mutating func member(_ name: String, _ value: some JSONWritable) {
        self.name(name)
        value.write(to: &self)
    }

    /// Writes nothing for nil: KC leaves absent members out.
    package mutating func member(_ name: String, _ value: (some JSONWritable)?) {
        if let value { member(name, value) }
    }

    package mutating func string(_ text: String) {
        separate()
        quote(text)
        needsComma = true
    }

    package mutating func bool(_ value: Bool) { token(value ? "true" : "false") }
    package mutating func integer(_ value: some BinaryInteger) { token(String(value)) }
    package mutating func null() { token("null") }

    /// Writes bytes that are one JSON value already, as they are.
    package mutating func raw(_ json: some Sequence<UInt8>) {
        separate()
        bytes.append(contentsOf: json)
        needsComma = true
    }

    /// The same for a part of an array, which is copied in one piece.
    package mutating func raw(_ json: ArraySlice<UInt8>) {
        separate()
        bytes.append(contentsOf: json)
        needsComma = true
    }

    /// The same for an array.
    package mutating func raw(_ json: [UInt8]) {
        separate()
        bytes.append(contentsOf: json)
        needsComma = true
    }

    private mutating func token(_ text: String) {
        separate()
        bytes.append(contentsOf: text.utf8)
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = false
    }

    /// Whether a byte cannot stand in a string as it is.
    private static func isTranslated(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == 0x7f || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private mutating func quote(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        // Nothing to translate in almost every text: then it is copied in one piece.
        guard text.utf8.contains(where: Self.isTranslated) else {
            bytes.append(contentsOf: text.utf8)
            bytes.append(UInt8(ascii: "\""))
            return
        }
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): bytes.append(contentsOf: #"\""#.utf8)
            case UInt8(ascii: "\\"): bytes.append(contentsOf: #"\\"#.utf8)
            case 0x0a: bytes.append(contentsOf: #"\n"#.utf8)
            case 0x0d: bytes.append(contentsOf: #"\r"#.utf8)
            case 0x09: bytes.append(contentsOf: #"\t"#.utf8)
            case 0..<0x20, 0x7f:
                let hex = String(byte, radix: 16)
                bytes.append(contentsOf: (#"\u00"# + (hex.count == 1 ? "0" : "") + hex).utf8)
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}

/// A value that has one JSON form.
package protocol JSONWritable: Sendable {
    func write(to writer: inout JSONWriter)
}

extension JSONWritable {
    /// The JSON text of the value alone.
    package var json: [UInt8] {
        // What most resources need, so that the text does not move while it grows.
        var writer = JSONWriter(capacity: 512)
        write(to: &writer)
        return writer.bytes
    }
}

extension String: JSONWritable {
    package func write(to writer: inout JSONWriter) { writer.string(self) }
}
extension Bool: JSONWritable {
    package func write(to writer: inout JSONWriter) { writer.bool(self) }
}
extension Int: JSONWritable {
    package func write(to writer: inout JSONWriter) { writer.integer(self) }
}
extension UInt32: JSONWritable {
    package func write(to writer: inout JSONWriter) { writer.integer(self) }
}
extension UInt64: JSONWritable {
    package func write(to writer: inout JSONWriter) { writer.integer(self) }
}
extension Array: JSONWritable where Element: JSONWritable {
    package func write(to writer: inout JSONWriter) {
        writer.array { writer in for element in self { element.write(to: &writer) } }
    }
}
extension Dictionary: JSONWritable where Key == String, Value: JSONWritable {
    /// Members in the order of their names, so that equal values have equal texts.
    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            for (name, value) in self.sorted(by: { $0.key < $1.key }) { writer.member(name, value) }
        }
    }
}
