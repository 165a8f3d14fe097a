import Addressing
import NetworkModel
import Synchronization

/// Routers that were heard at ports a moment ago. One that answers to all does so no more often than every three seconds
/// (RFC 4861 section 6.2.6, MIN_DELAY_BETWEEN_RAS): whoever asks again sooner hears nothing, and nothing is wrong.
final class RouterMemory: Sendable {
    private struct Entry {
        var routers: [RouterFinding]
        var time: ContinuousClock.Instant
    }

    private let entries = Mutex<[InterfaceName: Entry]>([:])
    static let span = Duration.milliseconds(3500)

    func note(_ routers: [RouterFinding], at port: InterfaceName, _ now: ContinuousClock.Instant = .now) {
        entries.withLock { entries in
            entries = entries.filter { $0.value.time + Self.span > now }
            if !routers.isEmpty { entries[port] = Entry(routers: routers, time: now) }
        }
    }

    /// Empty when none was heard within the span.
    func routers(at port: InterfaceName, _ now: ContinuousClock.Instant = .now) -> [RouterFinding] {
        entries.withLock { entries in
            guard let entry = entries[port], entry.time + Self.span > now else { return [] }
            return entry.routers
        }
    }
}
