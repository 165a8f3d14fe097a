package import FoundationEssentials

/// The identity of a resource for its whole life: a UUID, never reused, kept over a rename.
package struct ResourceID: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let uuid: UUID

    package init(_ uuid: UUID) { self.uuid = uuid }

    /// Takes any case; nil when the text is not a UUID.
    package init?(_ text: some StringProtocol) { self.init(String(text)) }

    /// Not generic, and not by way of scanf as UUID does it: every device of a host carries an id in its alias, and all
    /// are read again and again.
    package init?(_ text: String) {
        guard text.utf8.count == 36 else { return nil }
        var bytes: uuid_t = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        let isRead = withUnsafeMutableBytes(of: &bytes) { bytes in
            var digits = 0
            for (place, byte) in text.utf8.enumerated() {
                guard !Self.isHyphen(place) else {
                    guard byte == UInt8(ascii: "-") else { return false }
                    continue
                }
                guard let digit = Self.digit(byte) else { return false }
                bytes[digits / 2] = bytes[digits / 2] << 4 | digit
                digits += 1
            }
            return true
        }
        guard isRead else { return nil }
        uuid = UUID(uuid: bytes)
    }

    /// Where the hyphens are in the text.
    private static func isHyphen(_ place: Int) -> Bool { place == 8 || place == 13 || place == 18 || place == 23 }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// The 16 bytes, first first: device names are made from them.
    package var bytes: [UInt8] { withUnsafeBytes(of: uuid.uuid) { Array($0) } }

    /// Lower case with hyphens (RFC 9562 section 4).
    package var description: String {
        String(unsafeUninitializedCapacity: 36) { text in
            withUnsafeBytes(of: uuid.uuid) { bytes in
                var digits = 0
                for place in 0..<36 {
                    guard !Self.isHyphen(place) else {
                        text[place] = UInt8(ascii: "-")
                        continue
                    }
                    let digit = digits % 2 == 0 ? bytes[digits / 2] >> 4 : bytes[digits / 2] & 0xf
                    text[place] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
                    digits += 1
                }
            }
            return 36
        }
    }

    package static func < (left: ResourceID, right: ResourceID) -> Bool {
        // Not over `bytes`: sorting thousands of ids must not make twice as many arrays for every comparison.
        withUnsafeBytes(of: left.uuid.uuid) { left in
            withUnsafeBytes(of: right.uuid.uuid) { right in left.lexicographicallyPrecedes(right) }
        }
    }
}

/// A name a person gives: a DNS label (RFC 1123 section 2.1), lower case, at most 63 bytes.
package struct Name: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let text: String

    package static let rule =
        "must be a DNS label: 1 to 63 of a-z, 0-9 and '-', beginning and ending with a letter or digit"

    package init?(_ text: some StringProtocol) {
        let bytes = text.utf8
        guard (1...63).contains(bytes.count), let first = bytes.first, Self.isAlphanumeric(first) else { return nil }
        var last = first
        for byte in bytes {
            guard Self.isAlphanumeric(byte) || byte == UInt8(ascii: "-") else { return nil }
            last = byte
        }
        guard last != UInt8(ascii: "-") else { return nil }
        // A UUID would be taken for an id wherever both are accepted.
        guard ResourceID(text) == nil else { return nil }
        self.text = String(text)
    }

    package var description: String { text }
    package static func < (left: Name, right: Name) -> Bool { left.text < right.text }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}

/// A point in the store's history. Grows with every committed transaction; 0 is before the first.
package struct Revision: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let value: UInt64
    package init(_ value: UInt64) { self.value = value }
    package static let zero = Revision(0)
    package static func < (left: Revision, right: Revision) -> Bool { left.value < right.value }
    package var description: String { String(value) }
}

extension ResourceID: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        let text = try String(json: node, path: path)
        guard let id = ResourceID(text) else { throw FieldError(field: path, value: text, rule: "must be a UUID") }
        self = id
    }
    package func write(to writer: inout JSONWriter) { writer.string(description) }
}

extension Name: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        let text = try String(json: node, path: path)
        guard let name = Name(text) else { throw FieldError(field: path, value: text, rule: Self.rule) }
        self = name
    }
    package func write(to writer: inout JSONWriter) { writer.string(text) }
}

extension Revision: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) { try self.init(UInt64(json: node, path: path)) }
    package func write(to writer: inout JSONWriter) { writer.integer(value) }
}
