import NIOCore
import NIOPosix
import NIOSSL

/// A server that answers each request with the bytes its script gives, piece by piece: the wire as no real server would
/// shape it.
struct ScriptedServer: Sendable {
    /// What to write for a request; after the pieces the connection is closed unless `hold` says otherwise.
    struct Answer: Sendable {
        var pieces: [String]
        /// Keep the connection open and silent after the last piece.
        var hold = false

        static func json(_ body: String, status: String = "200 OK", headers: [String] = []) -> Answer {
            let head =
                ["HTTP/1.1 \(status)", "Content-Type: application/json", "Content-Length: \(body.utf8.count)"] + headers
            return Answer(pieces: [head.joined(separator: "\r\n") + "\r\n\r\n" + body], hold: true)
        }

        static func stream(_ pieces: [String], hold: Bool = false) -> Answer {
            Answer(pieces: ["HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"] + pieces, hold: hold)
        }
    }

    typealias Script = @Sendable (_ request: String) -> Answer

    enum Address {
        case socket(String)
        case loopback
    }

    let channel: any Channel
    var port: Int { channel.localAddress?.port ?? 0 }

    /// Runs a server while `body` runs.
    static func with<Value: Sendable>(
        _ address: Address = .loopback, tls: TLSConfiguration? = nil, script: @escaping Script,
        _ body: (ScriptedServer) async throws -> Value
    ) async throws -> Value {
        let context = try tls.map { try NIOSSLContext(configuration: $0) }
        let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let context {
                        try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
                    }
                    try channel.pipeline.syncOperations.addHandler(ScriptHandler(script: script))
                }
            }
        let channel: any Channel
        switch address {
        case .socket(let path): channel = try await bootstrap.bind(unixDomainSocketPath: path).get()
        case .loopback: channel = try await bootstrap.bind(host: "::1", port: 0).get()
        }
        do {
            let value = try await body(ScriptedServer(channel: channel))
            try await channel.close()
            return value
        } catch {
            try await channel.close()
            throw error
        }
    }
}

/// Collects one request at a time and writes the script's answer, each piece in a flush of its own.
private final class ScriptHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private let script: ScriptedServer.Script
    private var received = ""

    init(script: @escaping ScriptedServer.Script) { self.script = script }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received += String(buffer: unwrapInboundIn(data))
        guard let end = received.firstRange(of: "\r\n\r\n") else { return }
        let head = received[..<end.lowerBound].lowercased()
        let length = head.firstRange(of: "content-length: ").flatMap {
            Int(head[$0.upperBound...].prefix { $0.isNumber })
        }
        guard received[end.upperBound...].utf8.count >= length ?? 0 else { return }
        let answer = script(received)
        received = ""
        for piece in answer.pieces {
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: piece)), promise: nil)
        }
        if !answer.hold { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
