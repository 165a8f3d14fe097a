// What the API is measured against: the same bytes from a bare Hummingbird route, and from a bare NIO handler.
// usage: HTTPFloor hummingbird|nio PORT FILE     serves FILE's bytes on [::1]:PORT for any GET until it is ended
import FoundationEssentials
import Hummingbird
import NIOCore
import NIOHTTP1
import NIOPosix

let arguments = CommandLine.arguments
guard arguments.count == 4, let port = Int(arguments[2]) else {
    print("usage: HTTPFloor hummingbird|nio PORT FILE")
    exit(2)
}
let body = ByteBuffer(bytes: try Data(contentsOf: URL(filePath: arguments[3])))

if arguments[1] == "hummingbird" {
    let router = Router()
    router.get("/v1/projects/{project}/attachments/{item}") { _, context -> Response in
        _ = try context.parameters.require("item")
        return Response(
            status: .ok, headers: [.contentType: "application/json", .eTag: "\"1\""],
            body: ResponseBody(byteBuffer: body))
    }
    try await Application(router: router, configuration: .init(address: .hostname("::1", port: port))).runService()
} else {
    let group = MultiThreadedEventLoopGroup.singleton
    let channel = try await ServerBootstrap(group: group)
        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        .childChannelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                try channel.pipeline.syncOperations.addHandler(BytesHandler(body: body))
            }
        }
        .bind(host: "::1", port: port).get()
    try await channel.closeFuture.get()
}

/// Answers each request with the same bytes.
final class BytesHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let body: ByteBuffer

    init(body: ByteBuffer) { self.body = body }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .end = unwrapInboundIn(data) else { return }
        let headers: HTTPHeaders = [
            "content-type": "application/json", "etag": "\"1\"", "content-length": String(body.readableBytes),
        ]
        context.write(
            wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .ok, headers: headers))), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }
}
