import Crypto

/// Apache's own MD5 password hash, `$apr1$SALT$HASH`: a thousand rounds of MD5, weak, and still in many files.
enum APR1 {
    static func matches(_ password: String, _ hash: String) -> Bool {
        let parts = hash.split(separator: "$", omittingEmptySubsequences: false)
        guard parts.count == 4, (1...8).contains(parts[2].utf8.count) else { return false }
        let made = "$apr1$\(parts[2])$" + Self.hash(Array(password.utf8), salt: Array(parts[2].utf8))
        return Secret.areEqual(made, hash)
    }

    private static func md5(_ bytes: [UInt8]) -> [UInt8] { Array(Insecure.MD5.hash(data: bytes)) }

    private static func hash(_ password: [UInt8], salt: [UInt8]) -> String {
        let inner = md5(password + salt + password)
        var text = password + Array("$apr1$".utf8) + salt
        var rest = password.count
        while rest > 0 {
            text += inner.prefix(min(16, rest))
            rest -= 16
        }
        rest = password.count
        while rest > 0 {
            text.append(rest & 1 == 1 ? 0 : password[0])
            rest >>= 1
        }
        var digest = md5(text)
        for round in 0..<1000 {
            var text = round & 1 == 1 ? password : digest
            if round % 3 != 0 { text += salt }
            if round % 7 != 0 { text += password }
            text += round & 1 == 1 ? digest : password
            digest = md5(text)
        }
        return encode(digest)
    }

    /// Six bits a character, in an order of bytes and an alphabet of its own.
    private static func encode(_ digest: [UInt8]) -> String {
        let alphabet = Array("./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
        var text: [UInt8] = []
        func add(_ value: UInt32, _ count: Int) {
            var value = value
            for _ in 0..<count {
                text.append(alphabet[Int(value & 63)])
                value >>= 6
            }
        }
        for (first, second, third) in [(0, 6, 12), (1, 7, 13), (2, 8, 14), (3, 9, 15), (4, 10, 5)] {
            add(UInt32(digest[first]) << 16 | UInt32(digest[second]) << 8 | UInt32(digest[third]), 4)
        }
        add(UInt32(digest[11]), 2)
        return String(decoding: text, as: UTF8.self)
    }
}
