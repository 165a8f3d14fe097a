import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOSSL

/// A connection with TLS (RFC 8446), by the certificate that is served when it begins.
///
/// The client may show certificates of its own. TLS takes every one whose key the client has; whose it is, and whether it is
/// good, is judged with each request, where a refusal can say why.
struct EncryptedChannel<Base: ServerChildChannel>: ServerChildChannel {
    let base: Base
    let certificate: ServedCertificate

    struct Value: ServerChildChannelValue {
        let base: Base.Value
        let certificates: ClientCertificates
        var channel: any Channel { base.channel }
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        let (base, certificate) = (base, certificate)
        let certificates = ClientCertificates()
        let memory = certificate.chains
        return channel.eventLoop.makeCompletedFuture {
            let handler = NIOSSLServerHandler(
                context: certificate.context,
                customVerificationCallback: { chain, promise in
                    promise.completeWith(
                        Result {
                            let chain = try chain.map { try $0.toDERBytes() }
                            certificates.take(chain)
                            memory.keep(chain)
                            return .certificateVerified
                        })
                })
            let resumption = Resumption { [handler] in
                guard certificates.chain.isEmpty, let leaf = handler.peerCertificate else { return }
                // What a session was begun with can be written as DER; without it nobody is let in by it.
                if let der = try? leaf.toDERBytes() { certificates.take(memory.chain(of: der)) }
            }
            try channel.pipeline.syncOperations.addHandlers(handler, resumption)
        }.flatMap {
            base.setup(channel: channel, logger: logger).map { Value(base: $0, certificates: certificates) }
        }
    }

    /// A session that is resumed (RFC 8446 section 2.2) shows no certificates again: they are those that it was begun with,
    /// looked at when the first bytes come behind the handshake. Belongs to one connection and its event loop.
    private final class Resumption: ChannelInboundHandler, RemovableChannelHandler {
        typealias InboundIn = ByteBuffer
        typealias InboundOut = ByteBuffer

        private let look: () -> Void

        init(_ look: @escaping () -> Void) { self.look = look }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            look()
            context.fireChannelRead(data)
            context.pipeline.syncOperations.removeHandler(self, promise: nil)
        }
    }

    func handle(value: Value, logger: Logger) async {
        await ConnectionOrigin.$certificates.withValue(value.certificates) {
            await base.handle(value: value.base, logger: logger)
        }
    }
}
