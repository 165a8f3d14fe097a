import NIOSSL
import Synchronization

/// By what a client proves itself, and by what it trusts the server. Both may change while streams are open: those go on as
/// they began, and connections that are made afterwards are by the new.
///
/// Concurrency: any task.
final class ClientProof: Sendable {
    /// What one request is sent with.
    struct Present: Sendable {
        /// nil for what the client was made with.
        var tls: TLSConfiguration?
        var authorization: String?
        /// The certificate stands in the place of the header, and is counted by this.
        var certificate: Int?
    }

    private struct State {
        var identity: ClientIdentity?
        var trusted: String?
        /// Counts identities, so that an answer to an older one refuses no newer one.
        var count = 0
        var isRefused = false
        var withIdentity: TLSConfiguration?
        var without: TLSConfiguration?
    }

    private let endpoint: Endpoint
    private let authorization: String?
    private let state: Mutex<State>

    init(
        _ endpoint: Endpoint, authorization: String?, certificate: String?, identity: ClientIdentity?
    ) throws(APIFailure) {
        self.endpoint = endpoint
        self.authorization = authorization
        var first = State(trusted: certificate)
        if let identity {
            first.identity = identity
            first.withIdentity = try Self.tls(certificate, identity, endpoint)
        }
        state = Mutex(first)
    }

    /// Replaces both.
    /// - Throws: when the certificates cannot be read; nothing has changed then.
    func adopt(_ identity: ClientIdentity, certificate: String?) throws(APIFailure) {
        let withIdentity = try Self.tls(certificate, identity, endpoint)
        let without = try Self.tls(certificate, nil, endpoint)
        state.withLock { old in
            old = State(
                identity: identity, trusted: certificate, count: old.count + 1, withIdentity: withIdentity,
                without: without)
        }
    }

    var present: Present {
        state.withLock { state in
            guard state.identity != nil, !state.isRefused, let tls = state.withIdentity else {
                return Present(tls: state.without, authorization: authorization)
            }
            return Present(tls: tls, certificate: state.count)
        }
    }

    /// Notes that the server does not take the certificate.
    /// - Returns: whether there is something else to try.
    func refused(_ present: Present) -> Bool {
        guard let certificate = present.certificate, authorization != nil else { return false }
        state.withLock { if $0.count == certificate { $0.isRefused = true } }
        return true
    }

    /// nil without one, or with one that the server does not take.
    var identity: ClientIdentity? { state.withLock { $0.isRefused ? nil : $0.identity } }
    var trusted: String? { state.withLock(\.trusted) }

    static func tls(
        _ certificate: String?, _ identity: ClientIdentity? = nil, _ endpoint: Endpoint
    ) throws(APIFailure) -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        if let identity {
            configuration.certificateChain = identity.chain.map { .certificate($0) }
            configuration.privateKey = .privateKey(identity.key)
        }
        guard let certificate else { return configuration }
        do {
            // The pinned certificates are the whole trust; the name in them is whatever the server's machine was called.
            configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(certificate.utf8)))
            configuration.certificateVerification = .noHostnameVerification
        } catch {
            throw APIFailure(
                .notTrusted, operation: "read the pinned certificate", subject: endpoint.description, cause: "\(error)",
                advice: "join again with `kcd join`, or copy the server's certificate")
        }
        return configuration
    }
}
