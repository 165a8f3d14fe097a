package import Logging
import NIOCore
import NIOHTTP2
import NIOSSL
import ServiceLifecycle
import Synchronization

/// The certificate that listeners show, read again when its files change: connections that begin afterwards see the new one,
/// those that are open go on as they are.
///
/// Files that hold no certificate with its key leave the old one in use, and the log says why.
package final class ServedCertificate: Service {
    private struct Material: Equatable {
        var chain: [NIOSSLCertificate]
        var key: NIOSSLPrivateKey
    }

    private struct State {
        var material: Material
        var context: NIOSSLContext
        /// The last thing that was said about files that could not be used; nil when they could.
        var complaint: String?
    }

    /// Why the files cannot be used.
    package struct Refusal: Error, CustomStringConvertible {
        package let description: String
    }

    /// Of clients that were here.
    let chains = ChainMemory()
    private let files: Listener.TLSFiles
    private let state: Mutex<State>
    private let logger: Logger

    /// How often `run` looks at the files. They are small, and read where they lie: whatever wrote them, and however.
    private static let interval = Duration.seconds(1)
    /// How long a connection that the server closes waits for the client's own goodbye (RFC 8446 section 6.1). The
    /// framework's 5 s is what a server's end took as long as one client had nothing to read.
    private static let farewell = Duration.milliseconds(200)

    /// - Throws: `Refusal`, when the files hold no certificate with its key now.
    package init(_ files: Listener.TLSFiles, logger: Logger) throws(Refusal) {
        self.files = files
        self.logger = logger
        let material = try Self.read(files)
        state = Mutex(State(material: material, context: try Self.context(material, files)))
    }

    /// For connections that begin now.
    var context: NIOSSLContext { state.withLock(\.context) }

    /// The server's own certificate as DER, without those that vouch for it.
    package var certificate: [UInt8] { chain.first ?? [] }

    /// The server's certificate and those that vouch for it, as DER.
    package var chain: [[UInt8]] {
        // What was read from PEM can be written as DER.
        state.withLock { $0.material.chain.compactMap { try? $0.toDERBytes() } }
    }

    package func run() async {
        await cancelWhenGracefulShutdown {
            // Sleeping ends early only by cancellation, which ends the loop too.
            while (try? await Task.sleep(for: Self.interval)) != nil { self.look() }
        }
    }

    /// Takes what the files hold, if that can be used.
    func look() {
        do {
            let material = try Self.read(files)
            guard material != state.withLock(\.material) else {
                state.withLock { $0.complaint = nil }
                return
            }
            let context = try Self.context(material, files)
            state.withLock { $0 = State(material: material, context: context) }
            logger.notice(
                "connections see another certificate from now on",
                metadata: [
                    "file": "\(files.certificate)", "certificate": "\(material.chain.first.map { "\($0)" } ?? "")",
                ])
        } catch {
            let isNew = state.withLock { state in
                defer { state.complaint = error.description }
                return state.complaint != error.description
            }
            guard isNew else { return }
            logger.error(
                "the certificate stays what it was: its files cannot be used", metadata: ["reason": "\(error)"])
        }
    }

    private static func read(_ files: Listener.TLSFiles) throws(Refusal) -> Material {
        let chain: [NIOSSLCertificate]
        do { chain = try NIOSSLCertificate.fromPEMFile(files.certificate) } catch {
            throw Refusal(description: "\(files.certificate) is no certificate in PEM: \(error)")
        }
        guard !chain.isEmpty else { throw Refusal(description: "\(files.certificate) has no certificate in PEM") }
        do {
            return Material(chain: chain, key: try NIOSSLPrivateKey(file: files.key, format: .pem))
        } catch { throw Refusal(description: "\(files.key) is no private key in PEM: \(error)") }
    }

    private static func context(_ material: Material, _ files: Listener.TLSFiles) throws(Refusal) -> NIOSSLContext {
        var tls = TLSConfiguration.makeServerConfiguration(
            certificateChain: material.chain.map { .certificate($0) }, privateKey: .privateKey(material.key))
        tls.minimumTLSVersion = .tlsv12
        // Asked for and not demanded; `EncryptedChannel` takes them, without the system's authorities.
        tls.certificateVerification = .optionalVerification
        tls.trustRoots = .certificates([])
        tls.shutdownTimeout = .init(farewell)
        tls.applicationProtocols = NIOHTTP2SupportedALPNProtocols
        do { return try NIOSSLContext(configuration: tls) } catch {
            throw Refusal(description: "the key in \(files.key) is not that of \(files.certificate): \(error)")
        }
    }
}
