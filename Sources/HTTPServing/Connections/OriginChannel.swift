import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import Persistence

/// A connection that knows who is at its other end, and is served if that one has not too many.
struct OriginChannel<Base: ServerChildChannel>: ServerChildChannel {
    let base: Base
    /// Whether it is over a Unix socket.
    let isUnix: Bool
    let isEncrypted: Bool
    let counts: ConnectionCounts

    struct Value: ServerChildChannelValue {
        /// nil for a connection that is refused.
        let served: (base: Base.Value, origin: ConnectionOrigin)?
        let channel: any Channel
    }

    /// Ten reads wait in a connection whose request is not looked at, like what is sent behind a watch: the usual 64 KiB each
    /// would be gigabytes for all connections.
    private static var reading: AdaptiveRecvByteBufferAllocator {
        AdaptiveRecvByteBufferAllocator(minimum: 64, initial: 2048, maximum: 16_384)
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        peer(of: channel).flatMap { peer in
            // Who has gone by now is nobody's connection.
            guard let peer else { return end(channel) }
            let place: ConnectionPlace
            do throws(ConnectionCounts.Refusal) { place = try counts.open(peer) } catch {
                return refuse(channel, error, logger)
            }
            channel.closeFuture.whenComplete { _ in place.close() }
            return channel.setOption(.recvAllocator, value: Self.reading).flatMap {
                base.setup(channel: channel, logger: logger)
            }.map { Value(served: ($0, ConnectionOrigin(peer: peer, place: place)), channel: channel) }
        }
    }

    func handle(value: Value, logger: Logger) async {
        guard let served = value.served else {
            // It ends by itself, however.
            try? await value.channel.closeFuture.get()
            return
        }
        await ConnectionOrigin.$current.withValue(served.origin) {
            await base.handle(value: served.base, logger: logger)
        }
    }

    private func peer(of channel: any Channel) -> EventLoopFuture<CheckedRequest.Peer?> {
        guard isUnix else {
            // The channel knows the address when it is registered, which comes after this; the socket knows it now.
            let address = try? channel._channelCore.remoteAddress0().ipAddress
            return channel.eventLoop.makeSucceededFuture(address.map { .tcp($0) })
        }
        guard let options = channel as? any SocketOptionProvider else {
            return channel.eventLoop.makeFailedFuture(ChannelError.operationUnsupported)
        }
        // 1 = SOL_SOCKET, 17 = SO_PEERCRED (asm-generic/socket.h): the process at the other end when it connected.
        let credential: EventLoopFuture<PeerCredential> = options.unsafeGetSocketOption(
            level: .init(rawValue: 1), name: .init(rawValue: 17))
        return credential.map { .unix(userID: $0.user) }
    }

    private func refuse(
        _ channel: any Channel, _ refusal: ConnectionCounts.Refusal, _ logger: Logger
    ) -> EventLoopFuture<Value> {
        logger.debug("a connection too many", metadata: ["why": "\(refusal)"])
        guard counts.mayExplain() else { return end(channel) }
        let counts = counts
        channel.closeFuture.whenComplete { _ in counts.explained() }
        let isEncrypted = isEncrypted
        return channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(ConnectionRefusal(refusal, isEncrypted: isEncrypted))
            return Value(served: nil, channel: channel)
        }
    }

    private func end(_ channel: any Channel) -> EventLoopFuture<Value> {
        channel.close(promise: nil)
        return channel.eventLoop.makeSucceededFuture(Value(served: nil, channel: channel))
    }
}

/// `struct ucred` (linux/socket.h, unix(7)).
private struct PeerCredential {
    var process: Int32 = 0
    var user: UInt32 = .max
    var group: UInt32 = .max
}
