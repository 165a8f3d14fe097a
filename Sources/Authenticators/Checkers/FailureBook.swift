import Persistence
import Resources
import Synchronization

/// Who guessed wrong how often lately.
///
/// A lockout must not be a weapon: wrong guesses at somebody's name are counted with the address they come from, so that
/// they lock out who guesses and not whose name it is. Guesses at one name from everywhere are counted too, and then hold
/// up only addresses from which that name has not been right before.
final class FailureBook: Sendable {
    /// A claimed name, and the network that claims it.
    struct Place: Hashable {
        /// A digest, so that no name of a length of somebody's choice is kept; empty for a header without a name.
        var name: String
        /// An IPv4 address, or the /64 of an IPv6 one: who has one address there has all.
        var network: String
    }

    /// Failures that are forgiven one by one.
    private struct Bucket {
        var count: Double = 0
        var at: Timestamp
    }

    private struct State {
        var places: [Place: Bucket] = [:]
        var networks: [String: Bucket] = [:]
        var names: [String: Bucket] = [:]
        /// When a name was last right from a network.
        var right: [Place: Timestamp] = [:]
    }

    /// How many failures may be open; one is forgiven in each interval.
    static let place = (most: 5.0, interval: 10.0)
    static let network = (most: 50.0, interval: 1.0)
    static let name = (most: 50.0, interval: 1.0)
    /// Beyond this many entries a table forgets those that are forgiven, and if that is not enough all of them.
    static let maximumCount = 10_000
    /// How long a network counts as one from which a name was right, in milliseconds: 30 days.
    private static let trust: Int64 = 30 * 86_400_000

    private let state = Mutex(State())

    /// Seconds until the place may try again; nil when it may now.
    func wait(_ place: Place, _ now: Timestamp) -> Int? {
        state.withLock { state in
            let isTrusted = state.right[place].map { now.milliseconds - $0.milliseconds < Self.trust } ?? false
            var waits = [Self.wait(state.places[place], Self.place, now)]
            if !isTrusted {
                waits.append(Self.wait(state.networks[place.network], Self.network, now))
                if !place.name.isEmpty { waits.append(Self.wait(state.names[place.name], Self.name, now)) }
            }
            return waits.compactMap(\.self).max()
        }
    }

    func failed(_ place: Place, _ now: Timestamp) {
        state.withLock { state in
            Self.add(place, to: &state.places, Self.place, now)
            Self.add(place.network, to: &state.networks, Self.network, now)
            if !place.name.isEmpty { Self.add(place.name, to: &state.names, Self.name, now) }
        }
    }

    func succeeded(_ place: Place, _ now: Timestamp) {
        state.withLock { state in
            state.places[place] = nil
            if state.right.count >= Self.maximumCount { state.right = [:] }
            state.right[place] = now
        }
    }

    private static func level(_ bucket: Bucket, _ limit: (most: Double, interval: Double), _ now: Timestamp) -> Double {
        max(0, bucket.count - Double(now.milliseconds - bucket.at.milliseconds) / 1000 / limit.interval)
    }

    private static func wait(_ bucket: Bucket?, _ limit: (most: Double, interval: Double), _ now: Timestamp) -> Int? {
        guard let bucket else { return nil }
        let excess = level(bucket, limit, now) - limit.most + 1
        return excess > 0 ? Int((excess * limit.interval).rounded(.up)) : nil
    }

    private static func add<Key>(
        _ key: Key, to table: inout [Key: Bucket], _ limit: (most: Double, interval: Double), _ now: Timestamp
    ) {
        if table.count >= maximumCount { table = table.filter { level($0.value, limit, now) > 0 } }
        if table.count >= maximumCount { table = [:] }
        let count = table[key].map { level($0, limit, now) } ?? 0
        table[key] = Bucket(count: min(count + 1, limit.most), at: now)
    }
}

extension FailureBook.Place {
    init(_ request: CheckedRequest) {
        name = request.claimedName.map { Secret.digest(of: $0) } ?? ""
        network = request.peer.network
    }
}
