import CCrypt
import Crypto
import FoundationEssentials
package import Persistence
package import Resources

/// Users with passwords from a file as Apache's `htpasswd` writes it: bcrypt (`$2y$`), `$apr1$` and `{SHA}`. Takes
/// `Authorization: Basic` (RFC 7617).
///
/// Reads the file again when it has changed. A file that cannot be read lets nobody in until it can.
package final class HtpasswdChecker: Checker {
    private let file: WatchedFile<[String: String]>
    private let grants: [String: Grants]
    /// Hashing takes as long as it is meant to.
    private let line = CheckerLine("kc.passwords", atOnce: 2)

    /// - Throws: naming the line, when the file is not one now.
    package init(
        path: String, grants: [String: Grants], report: @escaping @Sendable (CheckerFailure) -> Void = { _ in }
    ) throws(CheckerFailure) {
        file = WatchedFile(path, report) { bytes throws(CheckerFailure) in try Self.parse(bytes, path) }
        self.grants = grants
        _ = try file.content()
    }

    package var challenge: String? { #"Basic realm="kc", charset="UTF-8""# }

    package func check(_ request: CheckedRequest, now: Timestamp) async throws(StoreError) -> Verdict {
        guard let (name, password) = request.basic else { return .pass }
        let users = try file.checked()
        // A name that nobody has takes as long as one with a wrong password.
        let hash = users[name] ?? Self.nobody
        guard let isRight = await line.run(for: request.peer.network, { Self.matches(password, hash) }) else {
            return .busy(seconds: CheckerPlaces.patience)
        }
        guard isRight, users[name] != nil, let grants = grants[name] else { return .deny(Self.refusal) }
        return .allow(.identity(Identity(name: "user/\(name)", grants: grants)))
    }

    static let refusal = "name or password is wrong, or the user has no role"
    /// Of a password that nobody knows, at htpasswd's usual cost.
    private static let nobody = "$2y$10$abcdefghijklmnopqrstuuzU79SIMlaYwUUxNsb01tP2Y9y1BJb9e"

    static func matches(_ password: String, _ hash: String) -> Bool {
        if hash.hasPrefix("$apr1$") { return APR1.matches(password, hash) }
        if hash.hasPrefix("{SHA}") {
            let digest = Data(Insecure.SHA1.hash(data: Array(password.utf8))).base64EncodedString()
            return Secret.areEqual("{SHA}" + digest, hash)
        }
        return ccrypt_matches(password, hash) == 1
    }

    private static func parse(_ bytes: [UInt8], _ path: String) throws(CheckerFailure) -> [String: String] {
        var users: [String: String] = [:]
        for (index, line) in bytes.split(separator: 0x0a, omittingEmptySubsequences: false).enumerated() {
            let text = String(decoding: line, as: UTF8.self).filter { $0 != "\r" }
            if text.isEmpty || text.hasPrefix("#") { continue }
            let parts = text.split(separator: ":", maxSplits: 1)
            let known = ["$2y$", "$2a$", "$2b$", "$apr1$", "{SHA}"]
            guard parts.count == 2, (1...64).contains(parts[0].utf8.count), known.contains(where: parts[1].hasPrefix)
            else {
                throw CheckerFailure(
                    path, line: index + 1, "must be NAME:HASH, with a hash of bcrypt, apr1 or SHA (htpasswd -B)")
            }
            guard users.updateValue(String(parts[1]), forKey: String(parts[0])) == nil else {
                throw CheckerFailure(path, line: index + 1, "must not repeat user '\(parts[0])'")
            }
        }
        return users
    }
}

extension CheckedRequest {
    /// Name and password of RFC 7617 section 2; nil for another scheme or something that is none.
    var basic: (name: String, password: String)? {
        guard let text = credentials("basic"), text.utf8.count <= 1024, let data = Data(base64Encoded: text),
            let decoded = String(validating: data, as: UTF8.self), let colon = decoded.firstIndex(of: ":"),
            // A password with a NUL would be cut there by crypt(3).
            !decoded.utf8.contains(0), colon != decoded.startIndex
        else { return nil }
        return (String(decoded[..<colon]), String(decoded[decoded.index(after: colon)...]))
    }

    /// Whom the header says it is from, before anything was checked.
    var claimedName: String? { basic?.name ?? oneTime?.name }
}
