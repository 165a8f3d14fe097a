import NIOCore
import NIOHTTP1

/// Answers a request of HTTP/1.0 in a form that its client can read: without chunks, which it does not know (RFC 9112 section
/// 6.1), so that an answer without a length, like a watch, ends with the connection; and with the end of the connection, for
/// which it waits (section 9.3). Also reads `Connection` as the list of words without case that it is (RFC 9110 section
/// 7.6.1); the framework looks for the one word "close".
///
/// Stands behind the decoder of HTTP, and so before the encoder for what goes out. Belongs to one connection and its event loop.
final class RequestVersion: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// Whether each of the requests that are not answered yet is of HTTP/1.0; oldest first.
    private var areOld: [Bool] = []

    /// - Throws: when the pipeline has no decoder of HTTP.
    func stand(behindDecoderOf pipeline: ChannelPipeline) throws {
        let operations = pipeline.syncOperations
        let decoder = try operations.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
        try operations.addHandler(self, position: .after(decoder))
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(var head) = unwrapInboundIn(data) else { return context.fireChannelRead(data) }
        let isOld = head.version == .http1_0
        areOld.append(isOld)
        let words = head.headers[canonicalForm: "connection"]
        guard isOld || words.contains(where: { $0.lowercased() == "close" }) else {
            return context.fireChannelRead(data)
        }
        head.headers.replaceOrAdd(name: "connection", value: "close")
        context.fireChannelRead(wrapInboundOut(.head(head)))
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(var head) where areOld.first == true:
            // By this the encoder knows that chunks are not understood.
            head.version = .http1_0
            head.headers.replaceOrAdd(name: "connection", value: "close")
            return context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .head, .body: break
        // What became no request is answered, too.
        case .end: if !areOld.isEmpty { areOld.removeFirst() }
        }
        context.write(data, promise: promise)
    }
}
