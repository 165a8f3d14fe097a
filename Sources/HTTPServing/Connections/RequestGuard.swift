import HTTPTypes
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import Resources

/// What a connection has to bear before a request is one: bytes that are no HTTP get a problem document like every other
/// bad request (the framework's own answer is an empty 400), and a request that does not arrive in time is cut off, so
/// that no client holds a connection by sending a byte now and then. So is a client that takes nothing of its answers.
///
/// Stands between HTTP and the framework's handler of the connection, with a `RequestArrival` before the decoder of HTTP
/// that tells it of bytes which are no request yet. Belongs to one connection and its event loop.
final class RequestGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let patience: TimeAmount
    private let logger: Logger
    /// The part of a request that is due, and when at the latest; nil when none is.
    private var due: (part: Part, at: NIODeadline)?
    /// Since when the client takes nothing, or less than the connection's buffer in that time; nil while it does.
    private var fullSince: NIODeadline?
    /// Looks whether what is due has come. Not set anew for each part: almost every one comes in time, and a timer for it
    /// would cost more than reading it.
    private var look: Scheduled<Void>?
    /// A request's header has come and its end has not.
    private var isReceiving = false
    /// Requests whose response has not ended.
    private var unanswered = 0
    /// Bytes of a further request have come while one was being answered; its time begins when that ends.
    private var hasBytesOfNext = false
    /// A response has begun and not ended: nothing may be written between.
    private var isAnswering = false
    /// Why what came is no request; the framework's answer to it is replaced by this.
    private var refusal: Problem?

    init(patience: Duration, logger: Logger) {
        self.patience = TimeAmount(patience)
        self.logger = logger
    }

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { allowTime(for: .header, context) }
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        do {
            try RequestArrival { bound.value.0.bytesArrived(bound.value.1) }.stand(beforeDecoderOf: context.pipeline)
            try RequestVersion().stand(behindDecoderOf: context.pipeline)
            try HostCount { bound.value.0.refusal = $0 }.stand(behindDecoderOf: context.pipeline)
        } catch {
            // Only when the framework's pipeline is another one than it was: later requests then have no time limit of
            // their own but the connection's idle limit, their hosts are not counted, and who speaks HTTP/1.0 gets chunks.
            logger.error("late requests are not watched", metadata: ["reason": "\(error)"])
        }
    }

    func channelActive(context: ChannelHandlerContext) {
        allowTime(for: .header, context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        stopLooking()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { stopLooking() }

    /// Called with bytes before HTTP is made of them.
    private func bytesArrived(_ context: ChannelHandlerContext) {
        guard due == nil, !isReceiving else { return }
        if unanswered > 0 { hasBytesOfNext = true } else { allowTime(for: .header, context) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head:
            isReceiving = true
            unanswered += 1
            hasBytesOfNext = false
            allowTime(for: .body, context)
        case .body: break
        // Until the next request's first byte the connection is idle, which has a limit of its own.
        case .end:
            isReceiving = false
            due = nil
        }
        context.fireChannelRead(data)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let error = error as? HTTPParserError {
            due = nil
            refusal =
                refusal
                ?? (error == .headerOverflow
                    ? Problem(.headersTooLarge, "the header of the request is larger than the server takes")
                    : Problem(.malformed, "what was sent is no HTTP/1.1 request: \(error)"))
        }
        context.fireErrorCaught(error)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(let head):
            isAnswering = true
            if let refusal, head.status == .badRequest, head.headerFields[.contentLength] == "0" {
                self.refusal = nil
                return write(refusal, context, promise)
            }
        case .body: break
        case .end:
            isAnswering = false
            unanswered = max(0, unanswered - 1)
            if hasBytesOfNext, unanswered == 0, due == nil, !isReceiving {
                hasBytesOfNext = false
                allowTime(for: .header, context)
            }
        }
        context.write(data, promise: promise)
    }

    private enum Part: String { case header, body }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            fullSince = nil
        } else {
            let now = NIODeadline.now()
            fullSince = now
            if look == nil { look(at: now + patience, context) }
        }
        context.fireChannelWritabilityChanged()
    }

    private func stopLooking() {
        due = nil
        fullSince = nil
        look?.cancel()
        look = nil
    }

    private func allowTime(for part: Part, _ context: ChannelHandlerContext) {
        let deadline = NIODeadline.now() + patience
        due = (part, deadline)
        if look == nil { look(at: deadline, context) }
    }

    private func look(at deadline: NIODeadline, _ context: ChannelHandlerContext) {
        let context = NIOLoopBound(context, eventLoop: context.eventLoop)
        let this = NIOLoopBound(self, eventLoop: context.value.eventLoop)
        look = context.value.eventLoop.scheduleTask(deadline: deadline) { this.value.lookNow(context.value) }
    }

    private func lookNow(_ context: ChannelHandlerContext) {
        look = nil
        let now = NIODeadline.now()
        // Nothing more can be said to who takes nothing.
        if let fullSince, fullSince + patience <= now { return context.close(promise: nil) }
        if let due, due.at <= now { return giveUp(due.part, context) }
        // What was due when this was set has come, and something else is due since.
        let next = [due?.at, fullSince.map { $0 + patience }].compactMap(\.self).min()
        if let next { look(at: next, context) }
    }

    private func giveUp(_ part: Part, _ context: ChannelHandlerContext) {
        guard !isAnswering else { return context.close(promise: nil) }
        isAnswering = true
        let seconds = Double(patience.nanoseconds) / 1e9
        write(
            Problem(.slowRequest, "the \(part) of the request did not arrive within \(seconds) s"), context, nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        context.close(promise: nil)
    }

    /// Head and body of a problem's response; the end is still to follow.
    private func write(_ problem: Problem, _ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?) {
        let (head, body) = problem.refusal(logger)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(body)), promise: promise)
    }
}

extension Problem {
    /// As a response to what became no request, with a line in the log.
    func refusal(_ logger: Logger) -> (head: HTTPResponse, body: ByteBuffer) {
        let id = RequestID(HTTPFields())
        let document = document(instance: id)
        var headers = headers(of: document)
        headers[.connection] = "close"
        headers[.requestID] = id.text
        let status = HTTPResponse.Status(code: code.status)
        logger.info("refused", metadata: ["id": "\(id.text)", "status": "\(status.code)", "why": "\(self)"])
        return (HTTPResponse(status: status, headerFields: headers), ByteBuffer(bytes: document))
    }
}
