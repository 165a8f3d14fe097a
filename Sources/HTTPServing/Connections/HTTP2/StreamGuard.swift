import HTTPTypes
import Logging
import NIOCore
import NIOHTTPTypes
import Resources

/// What one stream of HTTP/2 has to bear: a body that does not arrive in time, and a client that does not take its response.
///
/// A response goes in pieces, so that a client that takes it slowly is told from one that takes nothing: flow control
/// (RFC 9113 section 5.2) lets a client hold a stream for ever. Belongs to one stream and its connection's event loop.
final class StreamGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let patience: TimeAmount
    private let logger: Logger
    private var look: Scheduled<Void>?
    private var isAnswering = false
    /// Whether it was asked to close.
    private var isEnding = false
    /// Until when the body must be here; nil when it is.
    private var due: NIODeadline?
    /// Pieces that are on their way, and since when none has got through.
    private var pending = 0
    private var since = NIODeadline.now()

    /// Bytes.
    private static let piece = 16_384

    init(patience: TimeAmount, logger: Logger) {
        self.patience = patience
        self.logger = logger
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let due = NIODeadline.now() + patience
        self.due = due
        look(at: due, context)
    }

    func handlerRemoved(context: ChannelHandlerContext) { look?.cancel() }

    func channelInactive(context: ChannelHandlerContext) {
        look?.cancel()
        context.fireChannelInactive()
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if mode == .all { watchEnd(context) }
        context.close(mode: mode, promise: promise)
    }

    /// A stream is open until its RST_STREAM is written, which waits while the client takes nothing of the whole connection:
    /// then that ends. Else who takes nothing would keep what was taken from him.
    private func watchEnd(_ context: ChannelHandlerContext) {
        guard !isEnding else { return }
        isEnding = true
        let (stream, connection) = (context.channel, context.channel.parent)
        let end = context.eventLoop.scheduleTask(in: patience) { connection?.close(promise: nil) }
        stream.closeFuture.whenComplete { _ in end.cancel() }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .end = unwrapInboundIn(data) { due = nil }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(var head):
            isAnswering = true
            // A connection's own affair, of which HTTP/2 has frames (RFC 9113 section 8.2.2).
            head.headerFields[.connection] = nil
            write(.head(head), context, promise)
        case .body(var bytes):
            while bytes.readableBytes > Self.piece, let piece = bytes.readSlice(length: Self.piece) {
                write(.body(piece), context, nil)
            }
            write(.body(bytes), context, promise)
        case .end(let trailers): write(.end(trailers), context, promise)
        }
    }

    private func write(
        _ part: HTTPResponsePart, _ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?
    ) {
        if pending == 0 { since = .now() }
        pending += 1
        let promise = promise ?? context.eventLoop.makePromise()
        // A handler and what its channel completes are of one loop; NIO ends the process where that is not so.
        promise.futureResult.assumeIsolated().whenComplete { [self] _ in
            pending -= 1
            since = .now()
        }
        context.write(wrapOutboundOut(part), promise: promise)
    }

    private func look(at deadline: NIODeadline, _ context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        look = context.eventLoop.scheduleTask(deadline: deadline) { bound.value.0.lookNow(bound.value.1) }
    }

    private func lookNow(_ context: ChannelHandlerContext) {
        let now = NIODeadline.now()
        if pending > 0, since + patience <= now { return close(context: context, mode: .all, promise: nil) }
        if let due, due <= now { return giveUp(context) }
        look(at: pending > 0 ? since + patience : now + patience, context)
    }

    private func giveUp(_ context: ChannelHandlerContext) {
        guard !isAnswering else { return close(context: context, mode: .all, promise: nil) }
        isAnswering = true
        let seconds = Double(patience.nanoseconds) / 1e9
        let (head, body) = Problem(.slowRequest, "the body of the request did not arrive within \(seconds) s")
            .refusal(logger)
        write(context: context, data: wrapOutboundOut(.head(head)), promise: nil)
        write(.body(body), context, nil)
        write(.end(nil), context, nil)
        context.flush()
        close(context: context, mode: .all, promise: nil)
    }
}
