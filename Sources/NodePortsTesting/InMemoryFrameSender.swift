package import Addressing
package import NodePorts
import Synchronization

/// Keeps the frames that were sent.
package final class InMemoryFrameSender: FrameSender {
    private let frames = Mutex<[(device: InterfaceName, bytes: [UInt8])]>([])

    package init() {}

    package func send(_ frame: [UInt8], by device: InterfaceName) async throws(NodeError) {
        frames.withLock { $0.append((device, frame)) }
    }

    package var sent: [(device: InterfaceName, bytes: [UInt8])] { frames.withLock { $0 } }
}
