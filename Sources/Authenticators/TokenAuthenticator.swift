package import Persistence
package import Resources

/// Layer 5. Who is asking: tokens of the administrator, of hosts and of machines that want to join, as digests in the
/// store, and the server's own key and certificate. Knows nothing of HTTP or of any resource but its id.
///
/// | key under `/kc/auth/` | value |
/// |---|---|
/// | `admin` | digest of the administrator's token |
/// | `credential/<digest>` | id of the host |
/// | `host/<id>` | digest of its credential |
/// | `join/<digest>` | when it expires |
package struct TokenAuthenticator: Authenticator, Checker {
    private let store: any Store
    private let known: KnownTokens
    private let fingerprint: @Sendable () -> String?

    /// - Parameter fingerprint: SHA-256 of the certificate that the server shows now, in hex; nil when it has none.
    package init(store: any Store, known: KnownTokens, fingerprint: @escaping @Sendable () -> String?) {
        self.store = store
        self.known = known
        self.fingerprint = fingerprint
    }

    static let prefix = StoreKey("/kc/auth/")
    static let administrator = StoreKey("/kc/auth/admin")
    private static let joinTokens = StoreKey("/kc/auth/join/")
    private static func join(_ digest: String) -> StoreKey { StoreKey("/kc/auth/join/\(digest)") }
    private static func credential(_ digest: String) -> StoreKey { StoreKey("/kc/auth/credential/\(digest)") }
    static func host(_ id: ResourceID) -> StoreKey { StoreKey("/kc/auth/host/\(id)") }

    package var challenge: String? { "Bearer" }

    package func check(_ request: CheckedRequest, now: Timestamp) async throws(StoreError) -> Verdict {
        guard let token = request.bearer, Secret.isToken(token) else { return .pass }
        if Secret.Prefix.token.begins(token) { return .token(digest: Self.digest(of: token, request)) }
        guard let principal = try await principal(bearer: token, request, now: now) else {
            return .deny(
                Secret.Prefix.joining.begins(token)
                    ? "the join token was used, has expired, or is of another cloud: "
                        + "make one where the API runs, with `kcd token create`"
                    : "the token is not known, or no longer")
        }
        return .allow(principal)
    }

    package func makeTokenSecret() -> (text: String, digest: String) {
        let secret = Secret(.token)
        return (secret.text, secret.digest)
    }

    private static func digest(of secret: String, _ request: CheckedRequest) -> String {
        request.shown?.digest(of: secret, Secret.digest(of:)) ?? Secret.digest(of: secret)
    }

    private func principal(
        bearer token: String, _ request: CheckedRequest, now: Timestamp
    ) async throws(StoreError) -> Principal? {
        // A join token carries the fingerprint behind a dot, for the client only.
        let secret = token.utf8.firstIndex(of: UInt8(ascii: ".")).map { String(token[..<$0]) } ?? token
        let digest = Self.digest(of: secret, request)
        if Secret.Prefix.administrator.begins(secret) {
            return try await known.principal(digest) { () throws(StoreError) in
                guard let entry = try await store.get(Self.administrator).entry,
                    Secret.areEqual(String(decoding: entry.value, as: UTF8.self), digest)
                else { return nil }
                return .administrator(via: "admin-token")
            }
        }
        if Secret.Prefix.host.begins(secret) {
            return try await known.principal(digest) { () throws(StoreError) in
                guard let entry = try await store.get(Self.credential(digest)).entry else { return nil }
                return ResourceID(String(decoding: entry.value, as: UTF8.self)).map(Principal.host)
            }
        }
        if Secret.Prefix.joining.begins(secret) {
            guard let entry = try await store.get(Self.join(digest)).entry, expiry(of: entry) > now else { return nil }
            return .joining(tokenDigest: digest)
        }
        return nil
    }

    package func makeJoinToken(ttl: Duration, now: Timestamp) async throws(StoreError) -> JoinToken {
        let secret = Secret(.joining)
        let expires = Timestamp(milliseconds: now.milliseconds + ttl.components.seconds * 1000)
        var changes = [StoreTransaction.Change.put(Self.join(secret.digest), Array(expires.description.utf8))]
        for entry in try await store.list(Self.joinTokens, after: nil, limit: 1000).entries
        where expiry(of: entry) <= now {
            changes.append(.delete(entry.key))
        }
        _ = try await store.commit(StoreTransaction(changes: changes))
        let fingerprint = fingerprint()
        return JoinToken(
            text: secret.text + (fingerprint.map { "." + $0 } ?? ""), expires: expires, fingerprint: fingerprint)
    }

    package func redeem(tokenDigest: String, for host: ResourceID) async throws(StoreError) -> Enrolment? {
        let key = Self.join(tokenDigest)
        guard let entry = try await store.get(key).entry else { return nil }
        let secret = Secret(.host)
        return Enrolment(
            credential: secret.text, conditions: [.modified(key, entry.modified)],
            changes: [.delete(key)] + grant(secret, to: host))
    }

    package func rotate(for host: ResourceID) async throws(StoreError) -> Enrolment {
        let secret = Secret(.host)
        let old = try await store.get(Self.host(host)).entry
        var enrolment = Enrolment(credential: secret.text, changes: grant(secret, to: host))
        if let old {
            enrolment.conditions = [.modified(old.key, old.modified)]
            enrolment.changes.append(.delete(Self.credential(String(decoding: old.value, as: UTF8.self))))
        } else {
            enrolment.conditions = [.absent(Self.host(host))]
        }
        return enrolment
    }

    package func revocation(of host: ResourceID) async throws(StoreError) -> [StoreTransaction.Change] {
        guard let old = try await store.get(Self.host(host)).entry else { return [] }
        return [.delete(old.key), .delete(Self.credential(String(decoding: old.value, as: UTF8.self)))]
    }

    private func grant(_ secret: Secret, to host: ResourceID) -> [StoreTransaction.Change] {
        [
            .put(Self.credential(secret.digest), Array(host.description.utf8)),
            .put(Self.host(host), Array(secret.digest.utf8)),
        ]
    }

    private func expiry(of entry: StoreEntry) -> Timestamp {
        Timestamp(rfc3339: String(decoding: entry.value, as: UTF8.self)) ?? Timestamp(milliseconds: 0)
    }
}
