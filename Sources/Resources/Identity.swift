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
        guard (1...63).contains(bytes.count), let first = bytes.first, Self.isAlphanumeric(first),
            bytes.allSatisfy({ Self.isAlphanumeric($0) || $0 == UInt8(ascii: "-") }),
            text.last != "-"
        else { return nil }
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

/// A moment in UTC, to the millisecond.
package struct Timestamp: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    package let milliseconds: Int64

    package init(milliseconds: Int64) { self.milliseconds = milliseconds }

    package static func < (left: Timestamp, right: Timestamp) -> Bool { left.milliseconds < right.milliseconds }

    /// RFC 3339 with milliseconds and Z.
    package var description: String {
        let days = (milliseconds / 86_400_000) - (milliseconds % 86_400_000 < 0 ? 1 : 0)
        let rest = milliseconds - days * 86_400_000
        // Days to civil date: the era arithmetic of the proleptic Gregorian calendar (400 years = 146,097 days).
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        func pad(_ value: Int64, _ width: Int) -> String {
            let text = String(value)
            return String(repeating: "0", count: max(0, width - text.count)) + text
        }
        return
            "\(pad(year, 4))-\(pad(month, 2))-\(pad(day, 2))T\(pad(rest / 3_600_000, 2)):\(pad(rest / 60_000 % 60, 2))"
            + ":\(pad(rest / 1000 % 60, 2)).\(pad(rest % 1000, 3))Z"
    }
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

/// Milliseconds in the store, RFC 3339 for people: the envelope writes `description`.
extension Timestamp: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        let text = try String(json: node, path: path)
        guard let value = Timestamp(rfc3339: text) else {
            throw FieldError(field: path, value: text, rule: "must be a time like 2026-01-31T12:00:00.000Z")
        }
        self = value
    }
    package func write(to writer: inout JSONWriter) { writer.string(description) }

    /// Reads exactly the form that `description` writes.
    package init?(rfc3339 text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 24, bytes[23] == UInt8(ascii: "Z") else { return nil }
        func number(_ range: Range<Int>) -> Int64? { Int64(String(decoding: bytes[range], as: UTF8.self)) }
        guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10), let hour = number(11..<13),
            let minute = number(14..<16), let second = number(17..<19), let milli = number(20..<23)
        else { return nil }
        let marchYear = month <= 2 ? year - 1 : year
        let era = marchYear / 400
        let yearOfEra = marchYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let days = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
        self.init(milliseconds: days * 86_400_000 + hour * 3_600_000 + minute * 60_000 + second * 1000 + milli)
        guard description == text else { return nil }
    }
}
