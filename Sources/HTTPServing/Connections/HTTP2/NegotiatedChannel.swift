import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP2
import NIOTLS

/// A connection that becomes HTTP/2 or HTTP/1.1 as its client asks for in TLS (ALPN, RFC 7301). To stand on a channel with TLS.
///
/// A client that does not end its handshake in time is closed: what watches requests comes only behind it.
struct NegotiatedChannel: ServerChildChannel {
    let single: HTTP1Channel
    let multiplexed: MultiplexedChannel
    let patience: TimeAmount

    typealias Negotiated = NIONegotiatedHTTPVersion<HTTP1Channel.Value, MultiplexedChannel.Value>

    struct Value: ServerChildChannelValue {
        let negotiated: EventLoopFuture<Negotiated>
        let channel: any Channel
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        let (single, multiplexed, patience) = (single, multiplexed, patience)
        return channel.eventLoop.makeCompletedFuture {
            let operations = channel.pipeline.syncOperations
            let handshake = HandshakeLimit(patience)
            try operations.addHandler(handshake)
            return NIOLoopBound(handshake, eventLoop: channel.eventLoop)
        }.flatMap { (handshake: NIOLoopBound<HandshakeLimit>) in
            channel.configureHTTP2AsyncSecureUpgrade(
                http1ConnectionInitializer: { single.setup(channel: $0, logger: logger) },
                http2ConnectionInitializer: { multiplexed.setup(channel: $0, logger: logger) }
            ).map { negotiated in
                negotiated.whenComplete { _ in handshake.value.end() }
                return Value(negotiated: negotiated, channel: channel)
            }
        }
    }

    func handle(value: Value, logger: Logger) async {
        let negotiated: Negotiated
        do { negotiated = try await value.negotiated.get() } catch {
            logger.debug("no TLS came about", metadata: ["why": "\(error)"])
            value.channel.close(promise: nil)
            return
        }
        switch negotiated {
        case .http1_1(let value): await single.handle(value: value, logger: logger)
        case .http2(let value): await multiplexed.handle(value: value, logger: logger)
        }
    }
}

/// Closes a connection whose handshake takes too long, or that has none when the server stops. Belongs to one connection and
/// its event loop.
private final class HandshakeLimit: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    private let patience: TimeAmount
    private var look: Scheduled<Void>?
    private var context: ChannelHandlerContext?

    init(_ patience: TimeAmount) { self.patience = patience }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        let channel = context.channel
        look = context.eventLoop.scheduleTask(in: patience) { channel.close(promise: nil) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        look?.cancel()
        self.context = nil
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent { context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    /// What comes after has limits of its own.
    func end() {
        guard let context else { return }
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }
}
