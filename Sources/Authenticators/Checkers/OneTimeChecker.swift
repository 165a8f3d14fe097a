import Crypto
package import Persistence
package import Resources
import Synchronization

/// Time-based one-time passwords (RFC 6238: SHA-1, six digits, 30 s), in two forms: `Authorization: Basic` with the code
/// as password, and `Authorization: OTP name:realm:token`, in which the user names a realm that must be one of his.
///
/// Each code is taken once: who has overheard one and sends it from elsewhere comes too late (where it was right the same
/// header is good for as long as the chain remembers it). That is remembered in memory alone; after a restart, or
/// at another server, a code that is not a minute old could be used a second time.
package final class OneTimeChecker: Checker {
    /// What the file says of one user.
    struct User: Sendable {
        var seed: [UInt8]
        var realms: [String]
    }

    private let file: WatchedFile<[String: User]>
    private let realms: [String]
    private let grants: [String: Grants]
    /// The last step that each user's code was taken for.
    private let used = Mutex<[String: Int64]>([:])

    /// - Parameter realms: those that `OTP` may name here.
    /// - Throws: naming the line, when the file is not one now.
    package init(
        path: String, realms: [String], grants: [String: Grants],
        report: @escaping @Sendable (CheckerFailure) -> Void = { _ in }
    ) throws(CheckerFailure) {
        file = WatchedFile(path, report) { bytes throws(CheckerFailure) in try Self.parse(bytes, path) }
        self.realms = realms
        self.grants = grants
        _ = try file.content()
    }

    package var challenge: String? { "OTP" }

    package func check(_ request: CheckedRequest, now: Timestamp) async throws(StoreError) -> Verdict {
        let users = try file.checked()
        let name: String
        let code: String
        var isAllowed = true
        if let oneTime = request.oneTime {
            (name, code) = (oneTime.name, oneTime.token)
            isAllowed = realms.contains(oneTime.realm) && users[name]?.realms.contains(oneTime.realm) ?? false
        } else if let basic = request.basic, Self.isCode(basic.password), users[basic.name] != nil {
            (name, code) = basic
        } else {
            return .pass
        }
        // A user that is not there costs as much as one that is.
        let user = users[name] ?? User(seed: [UInt8](repeating: 0, count: 20), realms: [])
        let step = now.milliseconds / 30_000
        let found = [step - 1, step, step + 1].filter { Secret.areEqual(Self.code(user.seed, $0), code) }.first
        guard let found, isAllowed, users[name] != nil, let grants = grants[name], take(name, found) else {
            return .deny("name, realm or code is wrong, or the code was used before")
        }
        return .allow(.identity(Identity(name: "user/\(name)", grants: grants)))
    }

    /// Whether nothing of that step or later was taken before.
    private func take(_ name: String, _ step: Int64) -> Bool {
        used.withLock { used in
            if let last = used[name], last >= step { return false }
            used[name] = step
            return true
        }
    }

    private static func isCode(_ text: String) -> Bool {
        text.utf8.count == 6 && text.utf8.allSatisfy { (48...57).contains($0) }
    }

    /// RFC 4226 section 5.3, of the step as counter.
    static func code(_ seed: [UInt8], _ step: Int64, digits: Int = 6) -> String {
        let counter = (0..<8).map { UInt8(truncatingIfNeeded: step >> (56 - 8 * $0)) }
        let digest = Array(
            HMAC<Insecure.SHA1>.authenticationCode(for: counter, using: SymmetricKey(data: seed)))
        let offset = Int(digest[19] & 15)
        let number = digest[offset..<offset + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } & 0x7fff_ffff
        let text = String(number % (0..<digits).reduce(1) { power, _ in power * 10 })
        return String(repeating: "0", count: digits - text.utf8.count) + text
    }

    /// Lines `NAME SEED [REALM…]`, the seed in base32 (RFC 4648 section 6) as authenticators take it.
    private static func parse(_ bytes: [UInt8], _ path: String) throws(CheckerFailure) -> [String: User] {
        var users: [String: User] = [:]
        for (index, line) in bytes.split(separator: 0x0a, omittingEmptySubsequences: false).enumerated() {
            let words = String(decoding: line, as: UTF8.self).split { $0 == " " || $0 == "\t" || $0 == "\r" }
            guard let name = words.first.map(String.init), !name.hasPrefix("#") else { continue }
            guard words.count >= 2, let seed = base32(words[1]), seed.count >= 10 else {
                throw CheckerFailure(
                    path, line: index + 1, "must be NAME SEED REALM…, with a seed of at least 80 bits in base32")
            }
            guard users.updateValue(User(seed: seed, realms: words.dropFirst(2).map(String.init)), forKey: name) == nil
            else { throw CheckerFailure(path, line: index + 1, "must not repeat user '\(name)'") }
        }
        return users
    }

    static func base32(_ text: some StringProtocol) -> [UInt8]? {
        var bytes: [UInt8] = []
        var buffer: UInt32 = 0
        var bits: UInt32 = 0
        for byte in text.utf8 where byte != UInt8(ascii: "=") {
            let value: UInt8
            switch byte {
            case 65...90: value = byte - 65
            case 97...122: value = byte - 97
            case 50...55: value = byte - 24
            default: return nil
            }
            buffer = (buffer << 5 | UInt32(value)) & 0xfff
            bits += 5
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: buffer >> bits))
            }
        }
        return bytes
    }
}

extension CheckedRequest {
    /// `OTP name:realm:token`; nil for another scheme or something that is none.
    var oneTime: (name: String, realm: String, token: String)? {
        guard let text = credentials("otp"), text.utf8.count <= 256 else { return nil }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, !parts[0].isEmpty else { return nil }
        return (parts[0], parts[1], parts[2])
    }
}
