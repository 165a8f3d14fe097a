/// FNV-1a with 64 bits (the Internet-Draft of Fowler, Noll, Vo and Eastlake, section 2).
///
/// Tells one structure from another. It is not a security boundary: whoever can change our tables can write any digest.
package struct FNV1a: Hashable, Sendable {
    package private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

    package init() {}

    package init(of text: String) { add(text.utf8) }

    package mutating func add(_ bytes: some Sequence<UInt8>) {
        for byte in bytes { value = (value ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
    }

    /// Sixteen lower-case hex digits.
    package var hex: String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
