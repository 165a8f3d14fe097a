import NIOCore
import NIOHTTP1

/// Tells that bytes have come, before they are HTTP: a request that stops inside its header shows nowhere else.
///
/// Belongs to one connection and its event loop.
final class RequestArrival: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let tell: () -> Void

    /// - Parameter tell: called on the connection's event loop.
    init(_ tell: @escaping () -> Void) { self.tell = tell }

    /// Takes its place behind TLS and before the decoder of HTTP.
    /// - Throws: when the pipeline has no such decoder.
    func stand(beforeDecoderOf pipeline: ChannelPipeline) throws {
        let operations = pipeline.syncOperations
        let decoder = try operations.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
        try operations.addHandler(self, position: .before(decoder))
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        tell()
        context.fireChannelRead(data)
    }
}
