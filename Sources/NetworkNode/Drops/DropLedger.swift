package import Addressing
package import NodePorts

/// Dropped frames by port and reason since the agent started: the kernel's counters begin at 0 with every new ruleset,
/// these do not. Pure.
package struct DropLedger: Sendable {
    private var last: DropCounts = [:]
    package private(set) var totals: DropCounts = [:]

    package init() {}

    /// Takes a reading of all counters. One that is lower than before, or was away, began again at 0.
    package mutating func take(_ counts: DropCounts) {
        for (port, reasons) in counts {
            for (reason, count) in reasons {
                let before = last[port]?[reason] ?? 0
                totals[port, default: [:]][reason, default: 0] += count >= before ? count - before : count
            }
        }
        last = counts
    }

    /// Forgets ports that are no more, so that as many are kept as there are.
    package mutating func keep(_ isPort: (InterfaceName) -> Bool) { totals = totals.filter { isPort($0.key) } }
}
