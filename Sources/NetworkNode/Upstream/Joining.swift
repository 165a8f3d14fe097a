package import APIClient
import HostState
package import NetworkModel
package import Resources

/// Makes this machine a host: the first contact with the API, and what is kept of it.
package struct Joining: Sendable {
    package let endpoint: Endpoint
    package let token: JoinToken
    package let folder: StateFolder

    package init(_ endpoint: Endpoint, token: JoinToken, folder: StateFolder) {
        self.endpoint = endpoint
        self.token = token
        self.folder = folder
    }

    package enum Refusal: Error, CustomStringConvertible {
        case alreadyJoined(Membership)
        case noFingerprint

        package var description: String {
            switch self {
            case .alreadyJoined(let membership):
                "this machine is the host \(membership.name) of \(membership.url) already; "
                    + "to make it another one, run `kcd node --remove` and then `kcd join` with --force"
            case .noFingerprint:
                "the token has no fingerprint of the server's certificate, without which the first connection could be "
                    + "anybody's; make it with `kcd token create` on a server that listens with TLS"
            }
        }
    }

    /// Checks everything that can be checked here before the token is used up, joins, and keeps the credential.
    /// - Parameter force: replaces what an earlier join left; its snapshot goes too, being that of another host.
    /// - Throws: `Refusal`, `FileError`, `StateFolder.Damaged`, and what `APIClient` throws.
    package func join(name: Name, spec: Host.Spec, force: Bool) async throws -> Membership {
        try folder.make()
        if !force, let present = try folder.membership() { throw Refusal.alreadyJoined(present.membership) }
        let certificate = try await pinnedCertificate()
        let client = try APIClient(endpoint: endpoint, token: token.text, certificate: certificate)
        let joined: (host: ResourceDocument, credential: String)
        do {
            joined = try await client.join(JoinRequest(name: name, spec: spec))
        } catch {
            await client.shutdown()
            throw error
        }
        await client.shutdown()
        let membership = Membership(
            url: endpoint.description, certificate: certificate, host: joined.host.id, name: joined.host.name)
        try folder.snapshot.remove()
        try folder.save(membership, credential: joined.credential)
        if certificate != nil { await certify(membership, joined.credential) }
        return membership
    }

    /// Gets the host's first certificate. Without it, as from an older server, the agent proves itself by its credential
    /// and asks again.
    private func certify(_ membership: Membership, _ credential: String) async {
        do {
            let client = try APIClient(endpoint: endpoint, token: credential, certificate: membership.certificate)
            do { try await HostCertification(client: client, host: membership.host, folder: folder).renew() } catch {}
            await client.shutdown()
        } catch {}
    }

    /// nil where nothing is encrypted: a Unix socket or loopback.
    private func pinnedCertificate() async throws -> String? {
        guard case .encrypted = endpoint.transport else { return nil }
        guard let fingerprint = token.fingerprint else { throw Refusal.noFingerprint }
        return try await FirstContact.fetchCertificate(endpoint, fingerprint: fingerprint)
    }
}
