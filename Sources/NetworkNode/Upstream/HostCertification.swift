package import APIClient
import HostState
package import Resources

/// Gets the certificate with which this host proves itself in TLS, and keeps it.
package struct HostCertification: Sendable {
    package let client: APIClient
    package let host: ResourceID
    package let folder: StateFolder
    private let queue = FileQueue()

    package init(client: APIClient, host: ResourceID, folder: StateFolder) {
        self.client = client
        self.host = host
        self.folder = folder
    }

    /// Makes a new key, gets a certificate for it, writes both to the state folder, and goes on with them. The key leaves
    /// this machine at no time.
    /// - Throws: `APIProblem` (status 404 from a server of before), `APIFailure`, `FileError`; all is as it was then.
    @discardableResult
    package func renew() async throws -> ClientIdentity {
        let key = try ClientKey()
        let answer = try await client.certify(host: host.description, request: key.request)
        let identity = try ClientIdentity(pem: key.pem + answer.certificate)
        let folder = folder
        let saved = await queue.run { Result { try folder.save(identity: identity.pem, trusted: answer.trust) } }
        try saved.get()
        try client.adopt(identity, certificate: answer.trust)
        return identity
    }
}
