import Addressing
import DaemonConfigs
import Glibc
import NIOCore
import NIOPosix

extension GuestProxyConfiguration.Consumer {
    private static let connectLimit = TimeAmount.seconds(2)

    /// - Throws: what the kernel says when nobody is there.
    func connect(on group: any EventLoopGroup) async throws -> Connection {
        try await ClientBootstrap(group: group)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .connectTimeout(Self.connectLimit)
            .connect(to: address()) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try Connection(
                        wrappingChannelSynchronously: channel,
                        configuration: .init(isOutboundHalfClosureEnabled: true))
                }
            }
    }

    /// What is wrong with it now; nil when it takes a connection.
    func problem(on group: any EventLoopGroup) async -> String? {
        do {
            try await connect(on: group).executeThenClose { _, outbound in
                try await outbound.write(ByteBuffer(bytes: ProxyHeader.local.bytes))
                outbound.finish()
            }
            return nil
        } catch {
            return "nothing answers at \(self): \(Self.words(error))"
        }
    }

    private func address() throws -> SocketAddress {
        switch self {
        case .socket(let path): return try SocketAddress(unixDomainSocketPath: path.description)
        case .server(let ip, let port): return try SocketAddress(ipAddress: ip.description, port: Int(port))
        }
    }

    private static func words(_ error: any Error) -> String {
        switch error {
        case let error as IOError: String(cString: strerror(error.errnoCode))
        case is ChannelError: "no answer within \(connectLimit.nanoseconds / 1_000_000_000) s"
        default: "\(error)"
        }
    }
}
