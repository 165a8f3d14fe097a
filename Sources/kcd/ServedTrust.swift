import Authenticators
import HTTPAPI
import HTTPServing
import Logging
import ServiceLifecycle

/// By what the API shows who it is, and by what its hosts do: certificate and authority, while the server runs.
struct ServedTrust: Service {
    let authority: AuthorityFiles
    let served: ServedCertificate
    private let own: ServerCertificate
    private let logger: Logger

    /// How often it is looked whether the server's certificate is due to be renewed.
    private static let interval = Duration.seconds(3600)

    /// nil when nothing is served with TLS.
    init?(_ addresses: [ListenAddress], names: [String], directory: String, _ logger: Logger) throws {
        let subjects = try addresses.filter(\.wantsTLS) + names.map { try ListenAddress(subject: $0) }
        guard addresses.contains(where: \.wantsTLS) else { return nil }
        authority = try AuthorityFiles(directory: directory) { failure in
            logger.error("the authority cannot be used", metadata: ["reason": "\(failure)"])
        }
        own = try ServerCertificate(
            directory: directory, names: subjects.filter { $0.addressBytes == nil }.map(\.host),
            addresses: subjects.compactMap(\.addressBytes), authority: authority)
        // Before it is served: it may be due since the server ran last.
        _ = try own.renew(by: authority)
        served = try ServedCertificate(
            Listener.TLSFiles(certificate: own.certificatePath, key: own.keyPath), logger: logger)
        self.logger = logger
    }

    /// Of what a joining machine pins; in hex.
    var fingerprint: String? { authority.pin(ofChain: served.chain).map { ServerCertificate.fingerprint(of: $0) } }

    func run() async {
        await cancelWhenGracefulShutdown {
            // Sleeping ends early only by cancellation, which ends the loop too.
            while (try? await Task.sleep(for: Self.interval)) != nil {
                do {
                    if try own.renew(by: authority) { logger.notice("the server's certificate was renewed") }
                } catch {
                    logger.error("the server's certificate cannot be renewed", metadata: ["reason": "\(error)"])
                }
            }
        }
    }
}
