import Addressing
import NetworkPlanning

/// Holds back the events that the agent's own work causes, for a short time, and then lets them through all the same:
/// an event is never lost, because somebody else may have changed the same device meanwhile.
struct EchoFilter: Sendable {
    private let window: Duration
    private var touched: [InterfaceName: ContinuousClock.Instant] = [:]
    private var filterTouched: ContinuousClock.Instant?
    private var held = Attention()
    /// When what is held is to be looked at.
    private(set) var due: ContinuousClock.Instant?

    init(window: Duration) { self.window = window }

    mutating func noteTouched(_ names: some Sequence<InterfaceName>, filter: Bool, at now: ContinuousClock.Instant) {
        for name in names { touched[name] = now + window }
        if filter { filterTouched = now + window }
    }

    /// Gives back what must be looked at now and keeps the rest.
    mutating func sift(_ events: Attention, at now: ContinuousClock.Instant) -> Attention {
        guard !events.isEmpty else { return events }
        var attention = events
        var echo = Attention()
        echo.links = events.links.filter { name in
            guard let until = touched[name] else { return false }
            return until > now
        }
        echo.filter = events.filter && (filterTouched.map { $0 > now } ?? false)
        // Events lost in the flood of the agent's own work.
        echo.everything = events.everything && touched.values.contains { $0 > now }
        guard !echo.isEmpty else { return attention }
        attention.links.subtract(echo.links)
        if echo.filter { attention.filter = false }
        if echo.everything { attention.everything = false }
        held.merge(echo)
        due = due ?? now + window
        return attention
    }

    /// What was held long enough.
    mutating func takeDue(at now: ContinuousClock.Instant) -> Attention {
        guard let due, due <= now else { return Attention() }
        defer {
            held = Attention()
            self.due = nil
            touched = touched.filter { $0.value > now }
        }
        return held
    }
}
