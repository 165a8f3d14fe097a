package import Resources

/// What a checker is shown of a request.
package struct CheckedRequest: Sendable {
    /// Where the request comes from, as the server's own socket knows it.
    package enum Peer: Hashable, Sendable {
        case unix(userID: UInt32)
        /// An address without its port.
        case tcp(String)
    }

    /// The whole `Authorization` header: the server itself reads nothing into it. nil without one.
    package var authorization: String?
    package var method: String
    /// Without the query.
    package var path: String
    /// The project that the path names, whether or not it exists.
    package var project: String?
    package var peer: Peer
    /// What the connection has shown before; nil for a request without one.
    package var shown: (any DigestMemory)?
    /// The certificates that the connection began with; nil without any.
    package var certificates: (any ShownCertificates)?
    /// Asked again on behalf of a stream that was let in and is still open.
    package var isOngoing = false

    package init(
        authorization: String?, method: String, path: String, project: String? = nil, peer: Peer,
        shown: (any DigestMemory)? = nil, certificates: (any ShownCertificates)? = nil
    ) {
        self.shown = shown
        self.certificates = certificates
        self.authorization = authorization
        self.method = method
        self.path = path
        self.project = project
        self.peer = peer
    }
}

/// Remembers digests of what a connection shows: a client sends the same secret with each request, and to digest it takes
/// longer than to look it up.
///
/// Says nothing about whether a secret is any good: a digest hangs on the secret alone, and who asks looks the digest up each
/// time, so that what is revoked, expired or locked out is refused by the next request.
/// Concurrency: called from any task at any time.
package protocol DigestMemory: Sendable {
    /// - Parameter make: digests; called when the connection showed another secret before, or none.
    func digest(of secret: String, _ make: (String) -> String) -> String
}

/// What a checker says.
package enum Verdict: Hashable, Sendable {
    case allow(Principal)
    /// The bearer of the token resource whose secret has that digest, if there is one: the service knows.
    case token(digest: String)
    /// The header is this checker's and not right; no other one is asked. The reason goes to the client: nothing in it
    /// tells a wrong name from a wrong password.
    case deny(String)
    /// Too many were wrong before: nothing was looked at. Seconds until it is worth while to ask again.
    case wait(seconds: Int)
    /// So many are being checked that nothing was looked at. Seconds until it is worth while to ask again.
    case busy(seconds: Int)
    /// The header is none of this checker's.
    case pass
}

/// Who is asking, by one way of proving it.
///
/// Concurrency: called from any task at any time.
package protocol Checker: Sendable {
    /// The value of a `WWW-Authenticate` header (RFC 9110 section 11.6.1) that asks for this proof; nil when a client
    /// cannot be asked for it.
    var challenge: String? { get }
    /// One header a way: browsers look at the first scheme in each.
    var challenges: [String] { get }
    /// - Throws: when it cannot be told now; the client is then told to try again.
    func check(_ request: CheckedRequest, now: Timestamp) async throws(StoreError) -> Verdict
}

extension Checker {
    package var challenges: [String] { challenge.map { [$0] } ?? [] }
}
