package import Resources

/// Who asks.
package enum Principal: Hashable, Sendable, CustomStringConvertible {
    /// May do everything; `via` says how it proved it: "root@unix", "admin-token".
    case administrator(via: String)
    /// The agent of that host.
    case host(ResourceID)
    /// Somebody with roles in projects.
    case identity(Identity)
    /// Holds a join token, known by the digest it is stored under.
    case joining(tokenDigest: String)

    package var description: String {
        switch self {
        case .administrator(let via): via
        case .identity(let identity): identity.name
        case .host(let id): "host/\(id)"
        case .joining(let digest): "join-token/\(digest.prefix(8))"
        }
    }
}
