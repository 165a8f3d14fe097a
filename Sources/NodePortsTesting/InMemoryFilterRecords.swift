package import Addressing
package import NodePorts
import Synchronization

/// Records that a test writes.
package final class InMemoryFilterRecords: FilterRecords {
    private struct State {
        var drops: DropCounts = [:]
        var seen: [InterfaceName: Set<IPv6Address>] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    package func set(_ drops: DropCounts) { state.withLock { $0.drops = drops } }
    package func set(seen: [InterfaceName: Set<IPv6Address>]) { state.withLock { $0.seen = seen } }

    package func droppedFrames() async throws(NodeError) -> DropCounts { state.withLock { $0.drops } }
    package func seenSources() async throws(NodeError) -> [InterfaceName: Set<IPv6Address>] {
        state.withLock { $0.seen }
    }
}
