package import Persistence
package import Resources

/// What KC itself gives out to prove who asks: tokens and credentials in the header, and certificates of hosts.
///
/// The header counts where there is one. A host's credential on a connection that began with another host's certificate is
/// refused: somebody has what is not his.
package struct OwnProofs: Checker {
    private let tokens: TokenAuthenticator
    private let hosts: HostCertificates?

    /// - Parameter hosts: nil where nothing is served with TLS.
    package init(tokens: TokenAuthenticator, hosts: HostCertificates?) {
        self.tokens = tokens
        self.hosts = hosts
    }

    package var challenge: String? { tokens.challenge }

    package func check(_ request: CheckedRequest, now: Timestamp) async throws(StoreError) -> Verdict {
        guard request.authorization != nil else { return try await hosts?.check(request, now: now) ?? .pass }
        let verdict = try await tokens.check(request, now: now)
        if case .allow(.host(let id)) = verdict, let hosts, let certificates = request.certificates,
            let other = try hosts.host(of: certificates), other != id
        {
            return .deny("the connection's certificate is another host's than the credential")
        }
        return verdict
    }
}
