import HTTPTypes
import NIOCore
import Resources

/// Tells the client of one connection too many why it is not served, and ends that connection.
///
/// Where there is no TLS that is an HTTP response. Where there is, a handshake would cost what the limit is to save: the client
/// gets an alert in clear, as a server may send it before the handshake (RFC 8446 section 6). A client that has sent
/// something, as most have, would be reset by a close at once, and see no word of it: the end comes after its first bytes, or
/// after a second. Belongs to one connection and its event loop.
final class ConnectionRefusal: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let words: [UInt8]

    /// How long the client may take to say anything.
    private static let farewell = TimeAmount.seconds(1)
    /// Seconds until it is worth while to come again.
    private static let retryAfter = 5
    /// Level fatal, internal_error (RFC 8446 section 6.2), in a record of TLS 1.2, as all versions write it.
    private static let alert: [UInt8] = [21, 3, 3, 0, 2, 2, 80]

    init(_ refusal: ConnectionCounts.Refusal, isEncrypted: Bool) {
        words = isEncrypted ? Self.alert : Self.response(refusal)
    }

    private static func response(_ refusal: ConnectionCounts.Refusal) -> [UInt8] {
        var problem =
            switch refusal {
            case .network(let network):
                Problem(
                    .rateLimited, "\(network) has as many connections to this server as one address may: close others")
            case .all: Problem(.unavailable, "the server has as many connections as it takes")
            }
        problem.retryAfterSeconds = retryAfter
        let id = RequestID(HTTPFields())
        let document = problem.document(instance: id)
        var fields = problem.headers(of: document)
        fields[.connection] = "close"
        fields[.requestID] = id.text
        let status = HTTPResponse.Status(code: problem.code.status)
        var text = "HTTP/1.1 \(status.code) \(status.reasonPhrase)\r\n"
        for field in fields { text += "\(field.name): \(field.value)\r\n" }
        return Array((text + "\r\n").utf8) + document
    }

    func handlerAdded(context: ChannelHandlerContext) { if context.channel.isActive { speak(context) } }

    func channelActive(context: ChannelHandlerContext) {
        speak(context)
        context.fireChannelActive()
    }

    private func speak(_ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: words)), promise: nil)
        context.close(mode: .output, promise: nil)
        let channel = context.channel
        context.eventLoop.scheduleTask(in: Self.farewell) { channel.close(promise: nil) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { context.close(promise: nil) }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event as? ChannelEvent == .inputClosed { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
