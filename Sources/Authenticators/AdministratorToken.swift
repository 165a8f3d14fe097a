import Glibc
package import Persistence

/// The administrator's token: made at the first start, in a file of mode 0600, with its digest in the store.
package enum AdministratorToken {
    /// Makes the token when the store knows none yet; otherwise changes nothing.
    /// - Returns: whether one was made.
    /// - Throws: when the file cannot be written or the store fails; then no digest is stored, and the next start tries
    ///   again.
    @discardableResult
    package static func prepare(file path: String, store: any Store) async throws -> Bool {
        guard try await store.get(TokenAuthenticator.administrator).entry == nil else { return false }
        let secret = Secret(.administrator)
        try SecretFile.write(Array((secret.text + "\n").utf8), to: path)
        let outcome = try await store.commit(
            StoreTransaction(
                conditions: [.absent(TokenAuthenticator.administrator)],
                changes: [.put(TokenAuthenticator.administrator, Array(secret.digest.utf8))]))
        if case .committed = outcome { return true }
        // Another server was faster, in the same moment: this token is nobody's.
        unlink(path)
        return false
    }
}
