import NIOCore

/// The client's side of one connection to a directory: one request at a time, until its last answer.
///
/// What comes without having been asked for ends the connection. So nothing that somebody put on the wire before TLS began is
/// taken for an answer within it.
final class LDAPExchange: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Why there will be no answer.
    enum Failure: Error {
        case closed
        case late
        case form
        case tooMuch
        case transport(any Error)
    }

    /// Of all answers on one connection.
    static let maximumBytes = 1 << 20

    private var received = ByteBuffer()
    private var total = 0
    private var last = 0
    private var answers: [LDAPResponse] = []
    private var waiting: EventLoopPromise<[LDAPResponse]>?
    private var failure: Failure?

    /// - Parameter promise: gets all answers, the final one at the end.
    func ask(_ request: LDAPRequest, _ channel: any Channel, _ promise: EventLoopPromise<[LDAPResponse]>) {
        if let failure { return promise.fail(failure) }
        last += 1
        answers = []
        waiting = promise
        channel.writeAndFlush(ByteBuffer(bytes: request.encoded(id: last)), promise: nil)
    }

    func fail(_ reason: Failure) {
        if failure == nil { failure = reason }
        waiting?.fail(failure ?? reason)
        waiting = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        total += bytes.readableBytes
        guard failure == nil, waiting != nil, total <= Self.maximumBytes else {
            return end(total > Self.maximumBytes ? .tooMuch : .form, context)
        }
        received.writeBuffer(&bytes)
        do {
            while let length = try LDAPFrame.length(of: received.readableBytesView),
                let message = received.readBytes(length: length)
            {
                try take(message)
            }
        } catch { end(.form, context) }
    }

    private func take(_ message: [UInt8]) throws(LDAPFormError) {
        let (id, response) = try LDAPResponse.parse(message)
        // A number of no request, such as 0 of a server that says good-bye, is no answer.
        guard id == last, let promise = waiting else { throw LDAPFormError() }
        answers.append(response)
        guard case .done = response else { return }
        guard received.readableBytes == 0 else { throw LDAPFormError() }
        waiting = nil
        promise.succeed(answers)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { end(.transport(error), context) }

    func channelInactive(context: ChannelHandlerContext) {
        fail(.closed)
        context.fireChannelInactive()
    }

    private func end(_ reason: Failure, _ context: ChannelHandlerContext) {
        fail(reason)
        context.close(promise: nil)
    }
}
