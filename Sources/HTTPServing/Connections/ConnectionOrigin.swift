import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
package import Persistence
import Synchronization

/// A connection as the server's own socket knows it. Made once for each, since every request's checker is shown it.
package struct ConnectionOrigin: Sendable {
    package let peer: CheckedRequest.Peer
    let place: ConnectionPlace
    let shown = ShownSecret()
    let letIn = LetIn()

    /// For people: the address, or "unix".
    package var address: String {
        switch peer {
        case .tcp(let address): address
        case .unix: "unix"
        }
    }

    /// Of the connection that the current task serves; nil outside of one.
    @TaskLocal package static var current: ConnectionOrigin?
    /// The certificates of the client of that connection; nil where it has no TLS.
    @TaskLocal static var certificates: ClientCertificates?
}

/// The header with which somebody was let in last on a connection: what was noted of that is not noted with each request.
final class LetIn: Sendable {
    private let last = Mutex<String??>(nil)

    /// Whether it was another one before, or none.
    func isNew(_ authorization: String?) -> Bool {
        last.withLock { last in
            if let known = last, known == authorization { return false }
            last = .some(authorization)
            return true
        }
    }
}
