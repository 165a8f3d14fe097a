import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP2
import NIOHTTPTypesHTTP2

/// A connection of HTTP/2 (RFC 9113): a request on each of its streams.
///
/// What a client may do to the connection is limited here and in the framework: 100 streams at a time, a header list of
/// 16 KiB in at most 5 further frames, 200 resets, 200 faulty streams and 200 control frames in 30 s; beyond that it is told to
/// calm down, and closed. What it may do to a stream `StreamGuard` limits, and its idleness `ConnectionKeeper`.
struct MultiplexedChannel: ServerChildChannel {
    let stream: StreamChannel
    /// For the first request of a connection.
    let patience: TimeAmount
    /// Between requests.
    let idleTimeout: TimeAmount

    struct Value: ServerChildChannelValue {
        let streams: NIOHTTP2Handler.AsyncStreamMultiplexer<StreamChannel.Value>
        let channel: any Channel
    }

    private static let configuration: NIOHTTP2Handler.Configuration = {
        var configuration = NIOHTTP2Handler.Configuration()
        configuration.connection.initialSettings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: 100),
            HTTP2Setting(parameter: .maxHeaderListSize, value: 16_384),
        ]
        // CVE-2024-27316.
        configuration.connection.maximumSequentialContinuationFrames = 5
        // Acknowledgements that a client asks for and does not read (CVE-2019-9512, CVE-2019-9515).
        configuration.connection.maximumBufferedControlFrames = 1000
        configuration.connection.controlFrameRateLimit.maximumCount = 200
        configuration.connection.controlFrameRateLimit.windowLength = .seconds(30)
        // CVE-2023-44487.
        configuration.stream.streamResetFrameRateLimit.maximumCount = 200
        configuration.stream.streamResetFrameRateLimit.windowLength = .seconds(30)
        configuration.stream.streamErrorRateLimit.maximumCount = 200
        configuration.stream.streamErrorRateLimit.windowLength = .seconds(30)
        return configuration
    }()

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        let (stream, patience, idleTimeout) = (stream, patience, idleTimeout)
        return channel.eventLoop.makeCompletedFuture {
            let keeper = ConnectionKeeper(patience: patience, idleTimeout: idleTimeout)
            let operations = channel.pipeline.syncOperations
            let streams = try operations.configureAsyncHTTP2Pipeline(
                mode: .server, streamDelegate: keeper.delegate(on: channel.eventLoop), configuration: Self.configuration
            ) { channel in stream.setup(channel: channel, logger: logger) }
            try operations.addHandler(keeper)
            return Value(streams: streams, channel: channel)
        }
    }

    func handle(value: Value, logger: Logger) async {
        do {
            try await withThrowingDiscardingTaskGroup { group in
                for try await stream in value.streams.inbound {
                    group.addTask { await self.stream.handle(value: stream, logger: logger) }
                }
            }
        } catch { logger.debug("a connection of HTTP/2 ended", metadata: ["why": "\(error)"]) }
    }
}

/// One stream of HTTP/2: a request and its response.
struct StreamChannel: HTTPChannelHandler {
    let responder: HTTPChannelHandler.Responder
    let patience: TimeAmount

    typealias Value = HTTP1Channel.Value

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandlers(
                HTTP2FramePayloadToHTTPServerCodec(), StreamGuard(patience: patience, logger: logger))
            return try Value(wrappingChannelSynchronously: channel)
        }
    }

    func handle(value: Value, logger: Logger) async { await handleHTTP(asyncChannel: value, logger: logger) }
}
