import Persistence
import Synchronization

/// The certificates that a connection's client has shown, empty until the handshake is over and for a client without any,
/// and what checkers found about them. Lives as long as its connection.
final class ClientCertificates: ShownCertificates {
    private struct State {
        var chain: [[UInt8]] = []
        var judgements: [String: CertificateJudgement] = [:]
    }

    private let state = Mutex(State())

    /// More judges than are ever asked: one for each authority there is.
    private static let maximumCount = 16

    var chain: [[UInt8]] { state.withLock(\.chain) }

    /// Takes what the client shows. To be called in the handshake, on the connection's event loop.
    func take(_ chain: [[UInt8]]) { state.withLock { $0 = State(chain: chain) } }

    func judgement(of judge: String) -> CertificateJudgement? { state.withLock { $0.judgements[judge] } }

    func keep(_ judgement: CertificateJudgement, of judge: String) {
        state.withLock { state in
            if state.judgements.count >= Self.maximumCount { state.judgements = [:] }
            state.judgements[judge] = judgement
        }
    }
}
