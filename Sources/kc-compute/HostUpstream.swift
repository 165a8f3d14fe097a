import APIClient
import NetworkNode
import Resources

/// The API as a program on a host reaches it: with the membership that `kcd join` left, or, beside an API server, as root.
enum HostUpstream {
    /// - Parameter api: in the place of the membership's address.
    static func client(
        api: String?, joined: (membership: Membership, credential: String)?
    ) throws -> APIClient {
        let endpoint =
            try api.map { try Endpoint(parsing: $0) } ?? joined.map { try Endpoint(parsing: $0.membership.url) }
            ?? .standard
        if case .socket = endpoint.transport { return try APIClient(endpoint: endpoint) }
        guard let joined else {
            throw Failure(
                "\(endpoint) wants a credential, and this machine has none; join it with `kcd join URL TOKEN`")
        }
        return try APIClient(
            endpoint: endpoint, token: joined.credential, certificate: joined.membership.certificate)
    }
}
