import NIOCore
import Persistence
import Resources

/// Why one request to one member was not answered as wished, and what that says of the request.
struct EtcdFailure: Error, Sendable {
    enum Meaning: Sendable {
        /// etcd has looked at it and did not do it.
        case refused(StoreError.Code)
        /// It was not done, for want of a token that is valid now.
        case token
        /// It was not done: the member has too much to do.
        case busy
        /// The answer is longer than may be held.
        case tooLong
        /// Nobody knows whether it was done.
        case lost
    }

    let meaning: Meaning
    let text: String

    init(_ meaning: Meaning, _ text: String) {
        self.meaning = meaning
        self.text = text
    }

    /// What etcd itself says (etcdserver/api/v3rpc/rpctypes/error.go names all its texts).
    init(message: String) {
        let text = String(message.prefix(300))
        func says(_ part: String) -> Bool { message.contains(part) }
        if says("database space exceeded") {
            self.init(
                .refused(.full),
                "etcd has reached its quota (\(text)): compact, defragment, raise --quota-backend-bytes, disarm the alarm"
            )
        } else if says("requested lease not found") {
            self.init(.refused(.leaseNotFound), text)
        } else if says("has been compacted") {
            self.init(.refused(.compacted(oldest: .zero)), text)
        } else if says("too many operations") {
            self.init(.refused(.invalid), "\(text): start the members of etcd with --max-txn-ops 20000")
        } else if says("request is too large") || says("received message larger than max") {
            self.init(.refused(.invalid), "\(text): start the members of etcd with --max-request-bytes 50331648")
        } else if says("is a future revision") || says("duplicate key given") {
            self.init(.refused(.invalid), text)
        } else if says("corrupt") {
            self.init(
                .refused(.corrupt), "\(text): a member disagrees with the others; replace it, then disarm the alarm")
        } else if says("invalid auth token") || says("auth store is old") {
            self.init(.token, text)
        } else if says("user name is empty") {
            self.init(.refused(.unavailable), "etcd asks who it is (\(text)): name a user with --etcd-user")
        } else if says("CommonName of client") {
            self.init(
                .refused(.unavailable),
                "with authentication on, etcd's gateway takes no certificate that has a common name: make --etcd-cert without one"
            )
        } else if says("permission denied") {
            self.init(.refused(.unavailable), "\(text): grant the user of etcd a role that reads and writes the prefix")
        } else if says("authentication failed") {
            self.init(.refused(.unavailable), "\(text): look at --etcd-user and --etcd-password-file")
        } else if says("too many requests") {
            self.init(.busy, text)
        } else {
            self.init(.lost, text)
        }
    }

    /// - Parameter endpoint: the member that was asked.
    func storeError(_ operation: String, _ endpoint: EtcdEndpoint) -> StoreError {
        guard case .refused(let code) = meaning else {
            return StoreError(.unavailable, operation: operation, cause: "etcd at \(endpoint): \(text)")
        }
        return StoreError(code, operation: operation, cause: text)
    }
}
