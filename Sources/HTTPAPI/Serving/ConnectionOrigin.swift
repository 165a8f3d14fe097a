import Hummingbird
import HummingbirdCore
import Logging
import NIOCore

/// Where a connection comes from, as the server's own socket knows it.
enum ConnectionOrigin: Sendable {
    case tcp
    /// The process at the other end of a Unix socket when it connected (SO_PEERCRED, unix(7)).
    case unix(userID: UInt32)

    /// Of the connection that the current task serves.
    @TaskLocal static var current = ConnectionOrigin.tcp
}

/// `struct ucred` (linux/socket.h, unix(7)).
private struct PeerCredential {
    var process: Int32 = 0
    var user: UInt32 = .max
    var group: UInt32 = .max
}

/// An HTTP/1.1 connection over a Unix socket that knows who is at its other end.
struct UnixPeerChannel: ServerChildChannel {
    let base: HTTP1Channel

    struct Value: ServerChildChannelValue {
        let base: HTTP1Channel.Value
        let userID: UInt32
        var channel: any Channel { base.channel }
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        let base = base
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
        await ConnectionOrigin.$current.withValue(.unix(userID: value.userID)) {
            await base.handle(value: value.base, logger: logger)
        }
    }
}
