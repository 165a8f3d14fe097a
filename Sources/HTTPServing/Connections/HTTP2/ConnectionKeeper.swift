import NIOCore
import NIOHTTP2

/// When a connection of HTTP/2 ends: after a time without a stream, when the server stops, and when its client breaks the
/// protocol.
///
/// It ends in two steps (RFC 9113 section 6.8): the client is told that no more requests are taken, and once it knows (it has
/// answered a ping, or a second is over, whether or not it answers) which was the last one that was. Streams that are open go on
/// to their end, and with the last of them the connection closes. Belongs to one connection and its event loop.
final class ConnectionKeeper: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame
    typealias InboundOut = HTTP2Frame
    typealias OutboundOut = HTTP2Frame

    private enum Stage { case open, leaving, left }

    private let patience: TimeAmount
    private let idleTimeout: TimeAmount
    private let ping = HTTP2PingData(withInteger: .random(in: .min ... .max))
    private var stage = Stage.open
    private var openStreams = 0
    private var lastStream = HTTP2StreamID.rootStream
    private var look: Scheduled<Void>?
    private var context: ChannelHandlerContext?

    /// How long a client may take to know that the connection ends.
    private static let farewell = TimeAmount.seconds(1)

    init(patience: TimeAmount, idleTimeout: TimeAmount) {
        self.patience = patience
        self.idleTimeout = idleTimeout
    }

    /// What tells it of streams.
    func delegate(on eventLoop: any EventLoop) -> any NIOHTTP2StreamDelegate {
        Delegate(keeper: NIOLoopBound(self, eventLoop: eventLoop))
    }

    private struct Delegate: NIOHTTP2StreamDelegate {
        let keeper: NIOLoopBound<ConnectionKeeper>
        func streamCreated(_ id: HTTP2StreamID, channel: any Channel) { keeper.value.opened(id) }
        func streamClosed(_ id: HTTP2StreamID, channel: any Channel) { keeper.value.closed() }
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        wait(patience) { $0.leave() }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        look?.cancel()
        self.context = nil
    }

    private func opened(_ id: HTTP2StreamID) {
        openStreams += 1
        lastStream = max(lastStream, id)
        if stage == .open { look?.cancel() }
    }

    private func closed() {
        openStreams -= 1
        guard openStreams == 0 else { return }
        switch stage {
        case .open: wait(idleTimeout) { $0.leave() }
        case .leaving: break
        case .left: context?.close(promise: nil)
        }
    }

    private func wait(_ time: TimeAmount, _ action: @escaping (ConnectionKeeper) -> Void) {
        guard let context else { return }
        look?.cancel()
        let this = NIOLoopBound((self, action), eventLoop: context.eventLoop)
        look = context.eventLoop.scheduleTask(in: time) { this.value.1(this.value.0) }
    }

    private func leave() {
        guard stage == .open else { return }
        stage = .leaving
        goAway(.maxID)
        write(.ping(ping, ack: false))
        wait(Self.farewell) { $0.finish() }
    }

    private func finish() {
        guard stage == .leaving else { return }
        stage = .left
        look?.cancel()
        goAway(lastStream)
        if openStreams == 0 { context?.close(promise: nil) }
    }

    private func goAway(_ last: HTTP2StreamID) {
        write(.goAway(lastStreamID: last, errorCode: .noError, opaqueData: nil))
    }

    private func write(_ payload: HTTP2Frame.FramePayload) {
        guard let context else { return }
        context.writeAndFlush(wrapOutboundOut(HTTP2Frame(streamID: .rootStream, payload: payload)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .ping(let data, ack: true) = unwrapInboundIn(data).payload, data == ping { finish() }
        context.fireChannelRead(data)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is ChannelShouldQuiesceEvent: leave()
        case ChannelEvent.inputClosed: context.close(promise: nil)
        default: break
        }
        context.fireUserInboundEventTriggered(event)
    }

    /// What broke the protocol was told so before.
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
