import Synchronization

/// Which certificates came along with which: of a resumed session TLS tells the client's own alone.
///
/// Concurrency: any task.
final class ChainMemory: Sendable {
    private let chains = Mutex<[[UInt8]: [[UInt8]]]>([:])

    /// Beyond this many all are forgotten; a client that is refused by that begins anew with its next connection.
    private static let maximumCount = 1000

    /// - Parameter chain: DER, the client's own first.
    func keep(_ chain: [[UInt8]]) {
        guard let leaf = chain.first, chain.count > 1 else { return }
        chains.withLock { chains in
            if chains.count >= Self.maximumCount { chains = [:] }
            chains[leaf] = chain
        }
    }

    /// The certificate alone, when none came along with it.
    func chain(of leaf: [UInt8]) -> [[UInt8]] { chains.withLock { $0[leaf] } ?? [leaf] }
}
