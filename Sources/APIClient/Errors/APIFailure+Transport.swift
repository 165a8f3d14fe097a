import AsyncHTTPClient
import Glibc
import NIOCore
import NIOPosix
import NIOSSL

extension APIFailure {
    /// Translates what AsyncHTTPClient, NIO and BoringSSL throw.
    init(_ error: any Error, operation: String, endpoint: Endpoint, isStream: Bool = false) {
        func failure(_ code: Code, _ cause: String, _ advice: String) -> APIFailure {
            APIFailure(
                code, operation: operation, subject: endpoint.description, cause: cause, advice: advice,
                wasNeverSent: Self.isOfConnecting(error))
        }
        switch error {
        case let failure as APIFailure: self = failure
        case let error as HTTPClientError where error == .readTimeout && isStream:
            self = failure(.streamDead, "the stream is silent", "open it again")
        case let error as HTTPClientError where Self.timeouts.contains(error.shortDescription):
            self = failure(.timedOut, "no answer in time", "check the server's load and log, and try again")
        case let error as HTTPClientError where error == .remoteConnectionClosed:
            self = failure(
                .interrupted, "the server closed the connection", "check the server's log; read before writing again")
        case let error as HTTPClientError:
            self = failure(.unreachable, error.description, "check the address and the server's log")
        case is NIOTooManyBytesError:
            self = failure(.tooLarge, "the answer is larger than this client accepts", "ask for less with a selector")
        case is NIOSSLError, is NIOSSLExtraError, is BoringSSLError:
            // BoringSSL's own words are for its developers; this is the case that people meet.
            let isOther = "\(error)".contains("CERTIFICATE_VERIFY_FAILED")
            self = failure(
                .notTrusted,
                isOther ? "the server's certificate is not one that is trusted here" : "TLS failed (\(error))",
                "give the server's certificate (/var/lib/kc/tls/certificate.pem there) with --certificate; "
                    + "if it was trusted before, find out who changed it")
        case let error as IOError: self = Self.system(error.errnoCode, operation: operation, endpoint: endpoint)
        case let error as NIOConnectionError:
            let first = error.connectionErrors.compactMap { $0.error as? IOError }.first
            self =
                first.map { Self.system($0.errnoCode, operation: operation, endpoint: endpoint) }
                ?? failure(.unreachable, "\(error)", "check the host name and the port")
        case ChannelError.connectTimeout(_):
            self = failure(.timedOut, "no answer in time", "check the address, and that nothing in between drops it")
        case is ChannelError:
            self = failure(.unreachable, "\(error)", "check that the server runs and that nothing in between drops it")
        default: self = failure(.unreachable, "\(error)", "check the address and the server's log")
        }
    }

    /// Whether it says that no connection came to be.
    private static func isOfConnecting(_ error: any Error) -> Bool {
        switch error {
        case let error as HTTPClientError: error == .connectTimeout
        case is NIOConnectionError, ChannelError.connectTimeout: true
        case let error as IOError: [ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ENOENT].contains(error.errnoCode)
        default: false
        }
    }

    private static let timeouts: Set<String> = Set(
        [
            HTTPClientError.readTimeout, .writeTimeout, .connectTimeout, .deadlineExceeded, .tlsHandshakeTimeout,
            .getConnectionFromPoolTimeout,
        ].map(\.shortDescription))

    private static func system(_ code: CInt, operation: String, endpoint: Endpoint) -> APIFailure {
        let cause: String
        let advice: String
        switch (endpoint.transport, code) {
        case (.socket(let path), ENOENT):
            cause = "the socket \(path) does not exist"
            advice = "is `kcd api` running on this machine? For another machine use --api https://HOST:8440"
        case (.socket(let path), ECONNREFUSED):
            cause = "nothing listens on the socket \(path)"
            advice = "`kcd api` has ended; start it again"
        case (.socket(let path), EACCES), (.socket(let path), EPERM):
            cause = "this user may not open the socket \(path)"
            advice = "the socket is for root: use sudo, or --api http://[::1]:8440 with a token"
        case (_, ECONNREFUSED):
            cause = "nothing listens there"
            advice = "start `kcd api --listen ADDRESS:PORT`, or correct the address"
        case (_, EHOSTUNREACH), (_, ENETUNREACH):
            cause = "there is no route to it"
            advice = "check the address and this machine's routes (`ip -6 route get ADDRESS`)"
        case (_, ECONNRESET), (_, EPIPE):
            return APIFailure(
                .interrupted, operation: operation, subject: endpoint.description, cause: "the connection was reset",
                advice: "check the server's log; read before writing again")
        default:
            cause = String(cString: strerror(code))
            advice = "check the address and the server's log"
        }
        return APIFailure(
            .unreachable, operation: operation, subject: endpoint.description, cause: cause, advice: advice,
            wasNeverSent: [ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ENOENT].contains(code))
    }
}
