extension IPv6Address: CustomStringConvertible, LosslessStringConvertible {
    /// The canonical text form of RFC 5952: lower case, no leading zeros, the longest run of two or more zero groups
    /// (the first of equal ones) as `::`, and mixed notation for IPv4-mapped addresses (section 5).
    package var description: String {
        if isIPv4Mapped { return "::ffff:\(IPv4Address(UInt32(truncatingIfNeeded: low)))" }
        let groups = self.groups
        guard let run = Self.longestZeroRun(groups) else {
            return groups.map { String($0, radix: 16) }.joined(separator: ":")
        }
        let head = groups[..<run.lowerBound].map { String($0, radix: 16) }.joined(separator: ":")
        let tail = groups[run.upperBound...].map { String($0, radix: 16) }.joined(separator: ":")
        return head + "::" + tail
    }

    /// nil where `init(parsing:)` throws.
    package init?(_ description: String) {
        guard let address = try? IPv6Address(parsing: description) else { return nil }  // the reason is not wanted here
        self = address
    }

    /// Parses any text form of RFC 4291 section 2.2, in any case, with or without an IPv4 tail.
    ///
    /// - Throws: `AddressingError` with the rule that was broken. A zone (`%eth0`, RFC 4007) is refused: it names an
    ///   interface of one host and means nothing in a resource.
    package init(parsing text: some StringProtocol) throws(AddressingError) {
        func refuse(_ rule: String) -> AddressingError {
            AddressingError(type: "IPv6 address", value: text, rule: rule)
        }
        let bytes = Array(text.utf8.prefix(64))
        guard !bytes.isEmpty else { throw refuse("is empty") }
        guard bytes.count <= 45 else { throw refuse("is longer than 45 characters") }
        if bytes.contains(UInt8(ascii: "%")) { throw refuse("carries a zone, which has no meaning off its host") }

        var groups: [UInt16] = []
        var gap: Int? = nil
        var position = 0
        if bytes[0] == UInt8(ascii: ":") {
            guard bytes.count >= 2, bytes[1] == UInt8(ascii: ":") else { throw refuse("begins with a single ':'") }
            gap = 0
            position = 2
        }
        while position < bytes.count {
            let end = bytes[position...].firstIndex(of: UInt8(ascii: ":")) ?? bytes.count
            let part = bytes[position..<end]
            if part.contains(UInt8(ascii: ".")) {
                guard end == bytes.count else { throw refuse("has an IPv4 part that is not at its end") }
                guard groups.count <= 6 else { throw refuse("has no room for its IPv4 part") }
                let tail: IPv4Address
                do {
                    tail = try IPv4Address(parsing: String(decoding: part, as: UTF8.self))
                } catch { throw refuse("has an IPv4 part that \(error.rule)") }
                guard gap != nil || !groups.isEmpty else { throw refuse("is an IPv4 address") }
                groups.append(UInt16(truncatingIfNeeded: tail.value >> 16))
                groups.append(UInt16(truncatingIfNeeded: tail.value))
                position = end
                break
            }
            guard part.count > 0 else {
                throw refuse(gap == nil ? "has an empty group" : "has more than one '::' or an empty group")
            }
            guard part.count <= 4 else { throw refuse("has a group of more than 4 digits") }
            guard let group = Self.group(part) else { throw refuse("has a group with something else than hex digits") }
            guard groups.count < 8 else { throw refuse("has more than 8 groups") }
            groups.append(group)
            position = end
            guard end < bytes.count else { break }
            position = end + 1
            if position == bytes.count { throw refuse("ends with a single ':'") }
            if bytes[position] == UInt8(ascii: ":") {
                guard gap == nil else { throw refuse("has more than one '::'") }
                gap = groups.count
                position += 1
            }
        }
        if let gap {
            guard groups.count < 8 else { throw refuse("has 8 groups and a '::' that stands for none") }
            groups.insert(contentsOf: [UInt16](repeating: 0, count: 8 - groups.count), at: gap)
        }
        guard groups.count == 8 else { throw refuse("has \(groups.count) groups instead of 8") }
        self.init(
            high: groups[..<4].reduce(0) { $0 << 16 | UInt64($1) },
            low: groups[4...].reduce(0) { $0 << 16 | UInt64($1) })
    }

    private static func group(_ digits: ArraySlice<UInt8>) -> UInt16? {
        var value: UInt16 = 0
        for digit in digits {
            guard let nibble = hexDigit(digit) else { return nil }
            value = value << 4 | UInt16(nibble)
        }
        return value
    }

    private static func longestZeroRun(_ groups: [UInt16]) -> Range<Int>? {
        var best: Range<Int>? = nil
        var start = 0
        while start < groups.count {
            var end = start
            while end < groups.count, groups[end] == 0 { end += 1 }
            if end - start >= 2, end - start > (best?.count ?? 0) { best = start..<end }
            start = max(end, start + 1)
        }
        return best
    }
}

/// The value of one ASCII hex digit, nil for anything else.
func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
}
