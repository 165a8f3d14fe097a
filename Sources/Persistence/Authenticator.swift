package import Resources

/// Who holds which secret. Secrets are kept as digests; none of them can be read back.
///
/// A write that must stand or fall with another one (a join token used up by the host it makes) is handed out as
/// conditions and changes, which the caller puts into its own transaction.
package protocol Authenticator: Sendable {
    /// Makes a token that lets one machine become a host, once, until it expires.
    func makeJoinToken(ttl: Duration, now: Timestamp) async throws(StoreError) -> JoinToken

    /// A credential for a new host, and what uses up the join token.
    func redeem(tokenDigest: String, for host: ResourceID) async throws(StoreError) -> Enrolment?

    /// A new credential for a host; the old one is dead when `changes` are committed.
    func rotate(for host: ResourceID) async throws(StoreError) -> Enrolment

    /// The secret of a new token resource, and the digest that is kept of it.
    func makeTokenSecret() -> (text: String, digest: String)

    /// What takes a host's credential away.
    func revocation(of host: ResourceID) async throws(StoreError) -> [StoreTransaction.Change]
}

package struct JoinToken: Sendable {
    /// `kcj_…`; with `.` and the server's fingerprint behind it when the server has a certificate.
    package var text: String
    package var expires: Timestamp
    /// SHA-256 of the certificate's DER, in hex; nil without a certificate.
    package var fingerprint: String?

    package init(text: String, expires: Timestamp, fingerprint: String?) {
        self.text = text
        self.expires = expires
        self.fingerprint = fingerprint
    }
}

package struct Enrolment: Sendable {
    /// `kch_…`: shown once, to the host.
    package var credential: String
    package var conditions: [StoreTransaction.Condition]
    package var changes: [StoreTransaction.Change]

    package init(
        credential: String, conditions: [StoreTransaction.Condition] = [], changes: [StoreTransaction.Change]
    ) {
        self.credential = credential
        self.conditions = conditions
        self.changes = changes
    }
}
