import Persistence
import Synchronization

/// The last secret that a connection showed, with its digest. Lives as long as its connection.
final class ShownSecret: DigestMemory {
    private let last = Mutex<(secret: String, digest: String)?>(nil)

    func digest(of secret: String, _ make: (String) -> String) -> String {
        if let known = last.withLock({ $0 }), Self.areEqual(known.secret, secret) { return known.digest }
        let digest = make(secret)
        last.withLock { $0 = (secret, digest) }
        return digest
    }

    /// In a time that depends on nothing but the lengths.
    private static func areEqual(_ left: String, _ right: String) -> Bool {
        guard left.utf8.count == right.utf8.count else { return false }
        var difference: UInt8 = 0
        for (left, right) in zip(left.utf8, right.utf8) { difference |= left ^ right }
        return difference == 0
    }
}
