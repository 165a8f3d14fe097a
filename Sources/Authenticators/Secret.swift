import Crypto

/// 256 random bits as text, and their digest, which is all that is kept.
///
/// A digest without salt or stretching is enough: nobody guesses 256 random bits.
package struct Secret: Sendable {
    /// `<prefix><43 characters of base64url>`.
    package let text: String

    package enum Prefix: String, Sendable, CaseIterable {
        case administrator = "kca_"
        case host = "kch_"
        case joining = "kcj_"
        /// Of a token resource.
        case token = "kct_"

        /// Whether a secret is of that sort. By bytes: every request asks.
        func begins(_ text: String) -> Bool { text.utf8.starts(with: rawValue.utf8) }
    }

    package init(_ prefix: Prefix) {
        var generator = SystemRandomNumberGenerator()
        let words = (0..<4).map { _ in generator.next() as UInt64 }
        var bytes: [UInt8] = []
        for word in words { withUnsafeBytes(of: word) { bytes.append(contentsOf: $0) } }
        text = prefix.rawValue + Self.base64URL(bytes)
    }

    package var digest: String { Self.digest(of: text) }

    /// SHA-256 (FIPS 180-4) in lower-case hex.
    package static func digest(of text: String) -> String { hex(SHA256.hash(data: Array(text.utf8))) }

    /// Compares in a time that depends on nothing but the lengths.
    package static func areEqual(_ left: String, _ right: String) -> Bool {
        let left = Array(left.utf8)
        let right = Array(right.utf8)
        guard left.count == right.count else { return false }
        var difference: UInt8 = 0
        for index in left.indices { difference |= left[index] ^ right[index] }
        return difference == 0
    }

    static func hex(_ bytes: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for byte in bytes { text += [digits[Int(byte >> 4)], digits[Int(byte & 15)]] }
        return String(decoding: text, as: UTF8.self)
    }

    /// RFC 4648 section 5, without padding.
    private static func base64URL(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        var text: [UInt8] = []
        var buffer: UInt32 = 0
        var bits: UInt32 = 0
        for byte in bytes {
            buffer = (buffer << 8 | UInt32(byte)) & 0xffff
            bits += 8
            while bits >= 6 {
                bits -= 6
                text.append(alphabet[Int(buffer >> bits & 63)])
            }
        }
        if bits > 0 { text.append(alphabet[Int(buffer << (6 - bits) & 63)]) }
        return String(decoding: text, as: UTF8.self)
    }
}
