import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import Persistence
import Synchronization

/// A connection as the server's own socket knows it. Made once for each, since every request's checker is shown it.
struct ConnectionOrigin: Sendable {
    let peer: CheckedRequest.Peer
    let shown = ShownSecret()
    let letIn = LetIn()

    /// For people: the address, or "unix".
    var address: String {
        switch peer {
        case .tcp(let address): address
        case .unix: "unix"
        }
    }

    /// Of the connection that the current task serves; nil outside of one.
    @TaskLocal static var current: ConnectionOrigin?
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

/// A connection that knows who is at its other end.
struct OriginChannel<Base: ServerChildChannel>: ServerChildChannel {
    let base: Base
    /// Whether it is over a Unix socket.
    let isUnix: Bool

    struct Value: ServerChildChannelValue {
        let base: Base.Value
        /// Over a Unix socket: the process at its other end when it connected.
        let userID: UInt32?
        var channel: any Channel { base.channel }
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        let base = base
        guard isUnix else { return base.setup(channel: channel, logger: logger).map { Value(base: $0, userID: nil) } }
        guard let options = channel as? any SocketOptionProvider else {
            return channel.eventLoop.makeFailedFuture(ChannelError.operationUnsupported)
        }
        // 1 = SOL_SOCKET, 17 = SO_PEERCRED (asm-generic/socket.h).
        let credential: EventLoopFuture<PeerCredential> = options.unsafeGetSocketOption(
            level: .init(rawValue: 1), name: .init(rawValue: 17))
        return credential.flatMap { credential in
            base.setup(channel: channel, logger: logger).map { Value(base: $0, userID: credential.user) }
        }
    }

    func handle(value: Value, logger: Logger) async {
        let peer = value.userID.map { CheckedRequest.Peer.unix(userID: $0) }
        let origin = ConnectionOrigin(peer: peer ?? .tcp(value.channel.remoteAddress?.ipAddress ?? ""))
        await ConnectionOrigin.$current.withValue(origin) { await base.handle(value: value.base, logger: logger) }
    }
}

/// `struct ucred` (linux/socket.h, unix(7)).
private struct PeerCredential {
    var process: Int32 = 0
    var user: UInt32 = .max
    var group: UInt32 = .max
}
