import Synchronization

/// How many checks may be open at once, which anybody can ask for before he has proved anything.
///
/// Of one network (`CheckedRequest.Peer.network`) only a part of them: who floods a check stands in his own way first. Who finds
/// no place is told so at once, and nothing is held for him.
///
/// Concurrency: called from any task at any time.
final class CheckerPlaces: Sendable {
    /// All that may be open.
    static let maximum = 64
    /// The same of one network: it may be that of many people.
    static let maximumOfNetwork = 16
    /// After how many seconds it is worth while to come again.
    static let patience = 1

    private struct State {
        var count = 0
        var networks: [String: Int] = [:]
    }

    private let state = Mutex(State())

    /// What `body` gives; nil when there is no place for the network.
    func hold<Value: Sendable>(for network: String, _ body: () async -> Value) async -> Value? {
        guard take(network) else { return nil }
        defer { giveBack(network) }
        return await body()
    }

    private func take(_ network: String) -> Bool {
        state.withLock { state in
            guard state.count < Self.maximum, state.networks[network, default: 0] < Self.maximumOfNetwork else {
                return false
            }
            state.count += 1
            state.networks[network, default: 0] += 1
            return true
        }
    }

    private func giveBack(_ network: String) {
        state.withLock { state in
            state.count -= 1
            state.networks[network] = state.networks[network].flatMap { $0 > 1 ? $0 - 1 : nil }
        }
    }
}
