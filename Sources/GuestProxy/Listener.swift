import Addressing
import DaemonConfigs
import Glibc
import NIOCore
import NIOPosix

typealias Connection = NIOAsyncChannel<ByteBuffer, ByteBuffer>

/// One place and port that guests are heard at.
struct Listener: Hashable, Sendable {
    var place: GuestProxyConfiguration.Place
    var port: UInt16
    /// Of the interface: one that was made again has another, and what listened on the old one hears nothing.
    var index: UInt32

    /// nil while there is no such interface.
    init?(_ place: GuestProxyConfiguration.Place, _ port: UInt16) {
        index = if_nametoindex(place.interface.text)
        guard index != 0 else { return nil }
        self.place = place
        self.port = port
    }

    /// Connections in which nothing is said either way for so long are closed.
    private static let idleLimit = TimeAmount.seconds(120)

    func bind(on group: any EventLoopGroup) async throws -> NIOAsyncChannel<Connection, Never> {
        // Numbers alone: nobody is asked for a name.
        let host =
            place.address.ipv4.map { "\($0)" }
            ?? (place.address.isLinkLocal ? "\(place.address)%\(place.interface)" : "\(place.address)")
        let address = try SocketAddress.makeAddressResolvingHost(host, port: Int(port))
        return try await ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            // Who comes from another link is not one of this one, whatever address was asked.
            .serverChannelOption(.socketOption(.bindToInterface), value: Int(index))
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .bind(to: address) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers([
                        IdleStateHandler(allTimeout: Self.idleLimit), CloseWhenIdle(),
                    ])
                    return try Connection(
                        wrappingChannelSynchronously: channel,
                        configuration: .init(isOutboundHalfClosureEnabled: true))
                }
            }
    }
}

extension NIOBSDSocket.Option {
    /// SO_BINDTOIFINDEX (Linux 5.1, asm-generic/socket.h), which the Glibc module does not show.
    fileprivate static let bindToInterface = Self(rawValue: 62)
}

/// Closes a connection in which nobody says anything.
private final class CloseWhenIdle: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent { return context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }
}
