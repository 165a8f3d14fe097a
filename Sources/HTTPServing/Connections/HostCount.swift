import NIOCore
import NIOHTTP1
import Resources

/// Takes requests of HTTP/1.1 with exactly one Host; another is an error like one of the decoder (RFC 9112, section 3.2): a
/// proxy before the server and the server itself would take different ones of two for the true one.
///
/// Stands behind the decoder. Belongs to one connection and its event loop.
final class HostCount: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart

    private let tell: (Problem) -> Void
    /// What follows a refused head is part of no request.
    private var hasRefused = false

    /// - Parameter tell: called on the connection's event loop, before the error.
    init(_ tell: @escaping (Problem) -> Void) { self.tell = tell }

    /// - Throws: when the pipeline has no decoder of HTTP.
    func stand(behindDecoderOf pipeline: ChannelPipeline) throws {
        let operations = pipeline.syncOperations
        let decoder = try operations.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
        try operations.addHandler(self, position: .after(decoder))
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !hasRefused else { return }
        if case .head(let head) = unwrapInboundIn(data), head.version.minor > 0, head.headers["host"].count != 1 {
            hasRefused = true
            tell(Problem(.malformed, "a request of HTTP/1.1 has exactly one Host (RFC 9112, section 3.2)"))
            return context.fireErrorCaught(HTTPParserError.invalidHeaderToken)
        }
        context.fireChannelRead(data)
    }
}
