import Addressing
import DaemonConfigs
import Glibc
import NIOCore
import NIOPosix

/// One connection of a guest, from its acceptance to its end.
struct GuestConnection: Sendable {
    private let proxy: GuestProxy
    private let connection: Connection
    private let listener: Listener

    init(_ proxy: GuestProxy, _ connection: Connection, _ listener: Listener) {
        self.proxy = proxy
        self.connection = connection
        self.listener = listener
    }

    /// Refused with a reset: from nobody, one too many, or without a consumer.
    func serve() async {
        // Whichever side ended it, both are closed then.
        try? await connection.executeThenClose { inbound, outbound in
            guard let (source, port) = connection.source,
                let attachment = await proxy.attachment(
                    at: GuestProxyConfiguration.Place(listener.place.interface, source)),
                let service = await proxy.service(at: listener.port),
                await proxy.admits(attachment, to: service)
            else { return await refuse() }
            let header = ProxyHeader.guest(
                source: source, port: port, destination: listener.place.address, destinationPort: listener.port,
                attachment: attachment, service: service.id)
            let consumer: Connection
            do {
                consumer = try await service.consumer.connect(on: proxy.group)
            } catch {
                await proxy.left(attachment, service)
                return await refuse()
            }
            // However it ended, both sides are closed, and it is counted out below.
            try? await consumer.executeThenClose { answers, questions in
                try await questions.write(ByteBuffer(bytes: header.bytes))
                try await withThrowingTaskGroup(of: Void.self) { tasks in
                    tasks.addTask { try await Self.pass(inbound, questions) }
                    tasks.addTask { try await Self.pass(answers, outbound) }
                    try await tasks.waitForAll()
                }
            }
            await proxy.left(attachment, service)
        }
    }

    private static func pass(
        _ from: NIOAsyncChannelInboundStream<ByteBuffer>, _ to: NIOAsyncChannelOutboundWriter<ByteBuffer>
    ) async throws {
        for try await bytes in from { try await to.write(bytes) }
        to.finish()
    }

    /// Closes it by a reset, with no FIN before that.
    private func refuse() async {
        if let options = connection.channel as? any SocketOptionProvider {
            // Without it the connection is closed as any other.
            try? await options.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
        }
        // It is closed already.
        try? await connection.channel.close()
    }
}

extension NIOAsyncChannel {
    /// Who is at the other end, IPv4 in its mapped form; nil for an address of another family.
    fileprivate var source: (IPv6Address, UInt16)? {
        guard let remote = channel.remoteAddress, let text = remote.ipAddress,
            let address = IPv6Address(text) ?? IPv4Address(text)?.mapped,
            let port = remote.port.flatMap(UInt16.init(exactly:))
        else { return nil }
        return (address, port)
    }
}
