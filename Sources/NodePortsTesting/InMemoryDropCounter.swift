package import NodePorts
import Synchronization

/// Counts that a test sets.
package final class InMemoryDropCounter: DropCounting {
    private let counts = Mutex<DropCounts>([:])

    package init() {}

    package func set(_ counts: DropCounts) { self.counts.withLock { $0 = counts } }

    package func droppedFrames() async throws(NodeError) -> DropCounts { counts.withLock { $0 } }
}
