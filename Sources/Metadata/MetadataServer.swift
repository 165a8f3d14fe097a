import ComputePlanning
package import Logging
package import NIOCore
import NIOPosix
import Resources
import ServiceLifecycle
import Synchronization

/// Layer 6. Tells guests who they are, over HTTP: the consumer of a gateway's service. It hears the proxies of gateways
/// alone, on a Unix socket in a folder of root's, and knows a guest by the attachment that these name; it knows no
/// network, no store and no VM but those that asked.
///
/// A connection is one request: it is read within some seconds, has no body, and is answered. Concurrency: any task.
package final class MetadataServer: Service {
    private let socket: String
    private let book: GuestBook
    private let group: any EventLoopGroup
    private let patience: Duration
    private let logger: Logger
    private let pace = Mutex(GuestPace())
    private let open = Atomic(0)

    /// Of all gateways of the host together; a gateway's proxy holds each guest to a few.
    private static let maximumConnections = 1000
    /// For so long the end of a guest that goes on talking is waited for, so that it reads why it was refused.
    private static let farewell = TimeAmount.milliseconds(500)

    /// - Parameters:
    ///   - socket: its path; what is there already is replaced.
    ///   - patience: from a connection's beginning to its end. Default 20 s.
    package init(
        socket: String, directory: any GuestDirectory, patience: Duration = .seconds(20),
        on group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton, logger: Logger
    ) {
        self.socket = socket
        book = GuestBook(directory)
        self.group = group
        self.patience = patience
        self.logger = logger
    }

    package func run() async throws {
        let server = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 512)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .bind(unixDomainSocketPath: socket, cleanupExistingSocketFile: true) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                        wrappingChannelSynchronously: channel,
                        configuration: .init(isOutboundHalfClosureEnabled: true))
                }
            }
        await cancelWhenGracefulShutdown {
            // It ends by cancellation, and then everything is closed.
            try? await server.executeThenClose { inbound in
                try await withThrowingDiscardingTaskGroup { tasks in
                    for try await connection in inbound { tasks.addTask { await self.serve(connection) } }
                }
            }
        }
    }

    private func serve(_ connection: NIOAsyncChannel<ByteBuffer, ByteBuffer>) async {
        let count = open.add(1, ordering: .relaxed).newValue
        defer { open.subtract(1, ordering: .relaxed) }
        let channel = connection.channel
        let end = channel.eventLoop.scheduleTask(in: .seconds(patience.components.seconds)) {
            channel.close(promise: nil)
        }
        defer { end.cancel() }
        // However it ends, it is closed: the guest asks again.
        try? await connection.executeThenClose { inbound, outbound in
            guard count <= Self.maximumConnections else { return }
            var inbound = inbound.makeAsyncIterator()
            guard let answer = try await answer(&inbound) else { return }
            try await outbound.write(ByteBuffer(bytes: answer.bytes))
            outbound.finish()
            channel.eventLoop.scheduleTask(in: Self.farewell) { channel.close(promise: nil) }
            while try await inbound.next() != nil {}
        }
    }

    /// nil for a connection that ends without a request.
    private func answer(
        _ inbound: inout NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
    ) async throws -> GuestAnswer? {
        var bytes: [UInt8] = []
        var preamble: Preamble?
        while preamble == nil {
            do { preamble = try Preamble.take(from: &bytes) } catch {
                logger.warning("a connection is no gateway's", metadata: ["reason": "\(error)"])
                return nil
            }
            if preamble == nil {
                guard let more = try await inbound.next() else { return nil }
                bytes += more.readableBytesView
            }
        }
        guard case .guest(let attachment) = preamble else { return nil }
        do throws(Refusal) {
            while true {
                if let request = try GuestRequest.take(from: &bytes) {
                    return try await answer(request, to: attachment)
                }
                // Its end, or its deadline: nothing was asked.
                guard let more = try? await inbound.next() else { return nil }
                bytes += more.readableBytesView
            }
        } catch {
            return GuestAnswer(error)
        }
    }

    private func answer(_ request: GuestRequest, to attachment: ResourceID) async throws(Refusal) -> GuestAnswer {
        guard pace.withLock({ $0.admits(attachment, at: .now) }) else {
            throw Refusal(
                429, "at most \(Int(GuestPace.perSecond)) requests a second", fields: [("Retry-After", "1")])
        }
        if request.method == .put { return try GuestAnswer.token(request) }
        let facts: MetadataTree
        do throws(Refusal) { facts = MetadataTree(try await book.facts(of: attachment)) } catch {
            if error.status == 503 {
                logger.warning("a guest is not told who it is", metadata: ["reason": "\(error.words)"])
            }
            throw error
        }
        guard let page = facts.page(at: request.path) else {
            throw Refusal(404, "there is no such path: there are /nocloud/, /openstack/ and /latest/")
        }
        logger.debug("told", metadata: ["attachment": "\(attachment)", "path": "\(request.path)"])
        var answer = GuestAnswer(page)
        answer.isHeadOnly = request.method == .head
        return answer
    }
}
