/// For tests alone. Spoils JSON as somebody would who wants to end or to fill whoever reads it: it stays JSON, and most of its
/// form stays too, so that it gets far.
package struct HostileText: Sendable {
    private let bytes: [UInt8]
    /// Where its numbers, words and strings are, names of members left out.
    private let leaves: [(range: Range<Int>, isString: Bool)]

    /// - Parameter bytes: JSON as KC writes it, without white space.
    package init(_ bytes: [UInt8]) {
        self.bytes = bytes
        leaves = Self.leaves(of: bytes)
    }

    private static let numbers = [
        "0", "1", "-1", "2", "255", "256", "4095", "65535", "65536", "65549", "16777216", "4294967296", "1099511627776",
        "1099511627777", "1152921504606846976", "1152921504606846977", "9223372036854775807", "-9223372036854775808",
        "9223372036854775808", "18446744073709551615", "18446744073709551616", "1e308", "0.5",
    ]
    private static let strings = [
        "", "x", "\\u0000", "\\u001b[2J", "::", "::1", "fe80::1", "ff15::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "::/0", "2001:db8::/64", "::ffff:255.255.255.255/128", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff",
        "0000-01-01T00:00:00Z", "0000-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59-23:59",
        "18446744073709551615", "-1", "00000000-0000-4000-8000-000000000000", String(repeating: "y", count: 5000),
        String(repeating: "00", count: 3000),
    ]

    /// Once more, with one to four values changed.
    package func spoilt(by random: inout SeededGenerator) -> [UInt8] {
        guard !leaves.isEmpty else { return bytes }
        var chosen: Set<Int> = []
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            chosen.insert(Int.random(in: leaves.indices, using: &random))
        }
        var text = bytes
        for index in chosen.sorted(by: >) {
            text.replaceSubrange(leaves[index].range, with: value(instead: leaves[index].isString, &random))
        }
        return text
    }

    private func value(instead isString: Bool, _ random: inout SeededGenerator) -> [UInt8] {
        switch Int.random(in: 0..<10, using: &random) {
        case 0: return Array("null".utf8)
        case 1: return Array((Bool.random(using: &random) ? "[]" : "{}").utf8)
        case 2, 3:
            // What stands elsewhere in it.
            return Array(bytes[leaves[Int.random(in: leaves.indices, using: &random)].range])
        default:
            guard isString else { return Array(Self.numbers.randomElement(using: &random, or: "0").utf8) }
            return Array("\"\(Self.strings.randomElement(using: &random, or: ""))\"".utf8)
        }
    }

    private static func leaves(of bytes: [UInt8]) -> [(range: Range<Int>, isString: Bool)] {
        var leaves: [(range: Range<Int>, isString: Bool)] = []
        var index = 0
        while index < bytes.count {
            let start = index
            if bytes[index] == UInt8(ascii: "\"") {
                index += 1
                while bytes[index] != UInt8(ascii: "\"") { index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1 }
                index += 1
                let isName = index < bytes.count && bytes[index] == UInt8(ascii: ":")
                if !isName { leaves.append((start..<index, true)) }
            } else if "{}[]:,".utf8.contains(bytes[index]) {
                index += 1
            } else {
                while index < bytes.count, !"{}[]:,".utf8.contains(bytes[index]) { index += 1 }
                leaves.append((start..<index, false))
            }
        }
        return leaves
    }
}

extension [String] {
    fileprivate func randomElement(using random: inout SeededGenerator, or other: String) -> String {
        randomElement(using: &random) ?? other
    }
}
