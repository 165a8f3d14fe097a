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

/// Milliseconds in the store, RFC 3339 for people: the envelope writes `description`.
extension Timestamp: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        let text = try String(json: node, path: path)
        guard let value = Timestamp(rfc3339: text) else {
            throw FieldError(field: path, value: text, rule: "must be a time of RFC 3339, like 2026-01-31T12:00:00Z")
        }
        self = value
    }
    package func write(to writer: inout JSONWriter) { writer.string(description) }

    /// A date-time of RFC 3339 section 5.6 with the letters T and Z as capitals; no leap second. Digits behind the
    /// milliseconds are cut off.
    package init?(rfc3339 text: String) {
        let bytes = Array(text.utf8)
        func number(_ range: Range<Int>) -> Int64? {
            guard range.upperBound <= bytes.count else { return nil }
            var value: Int64 = 0
            for byte in bytes[range] {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
                value = value * 10 + Int64(byte - UInt8(ascii: "0"))
            }
            return value
        }
        guard bytes.count >= 20, let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
            let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19)
        else { return nil }
        var end = 19
        var milli: Int64 = 0
        if bytes[end] == UInt8(ascii: ".") {
            let digits = bytes[20...].prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            guard (1...9).contains(digits.count) else { return nil }
            for place in 0..<3 { milli = milli * 10 + (place < digits.count ? Int64(bytes[20 + place] - 48) : 0) }
            end = digits.endIndex
        }
        guard let offset = Self.offset(bytes[end...]) else { return nil }
        let marchYear = month <= 2 ? year - 1 : year
        let era = (marchYear >= 0 ? marchYear : marchYear - 399) / 400
        let yearOfEra = marchYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let days = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
        let local = Timestamp(
            milliseconds: days * 86_400_000 + hour * 3_600_000 + minute * 60_000 + second * 1000 + milli)
        // What is no such day or hour, or not written so, comes out as something else.
        guard local.description.utf8.prefix(19).elementsEqual(bytes.prefix(19)) else { return nil }
        let utc = local.milliseconds - offset * 60_000
        guard Self.writable.contains(utc) else { return nil }
        self.init(milliseconds: utc)
    }

    /// What has four digits of a year: RFC 3339 writes no other, so that it could not be read again.
    private static let writable: ClosedRange<Int64> = -62_167_219_200_000...253_402_300_799_999

    /// Minutes east of UTC: Z, or +hh:mm and -hh:mm.
    private static func offset(_ bytes: ArraySlice<UInt8>) -> Int64? {
        if bytes.elementsEqual([UInt8(ascii: "Z")]) { return 0 }
        let digits = bytes.dropFirst().filter { $0 != UInt8(ascii: ":") }.map { Int64($0) - 48 }
        guard bytes.count == 6, bytes[bytes.startIndex + 3] == UInt8(ascii: ":"), digits.count == 4,
            digits.allSatisfy({ (0...9).contains($0) }),
            bytes.first == UInt8(ascii: "+") || bytes.first == UInt8(ascii: "-")
        else { return nil }
        let (hours, minutes) = (digits[0] * 10 + digits[1], digits[2] * 10 + digits[3])
        guard hours < 24, minutes < 60 else { return nil }
        return (bytes.first == UInt8(ascii: "-") ? -1 : 1) * (hours * 60 + minutes)
    }
}
