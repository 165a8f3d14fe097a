package import Addressing
package import NetworkModel
package import NodePorts
import Synchronization

/// Keeps the frames that were sent.
package final class InMemoryFrameSender: FrameSender {
    private let frames = Mutex<[(device: InterfaceName, bytes: [UInt8])]>([])

    private let inside = Mutex<[NamespaceName: [(device: InterfaceName, bytes: [UInt8])]]>([:])

    package init() {}

    package func send(_ frame: [UInt8], by device: InterfaceName) async throws(NodeError) {
        frames.withLock { $0.append((device, frame)) }
    }

    package func send(
        _ frames: [(bytes: [UInt8], device: InterfaceName)], in namespace: NamespaceName
    ) async throws(NodeError) {
        inside.withLock { $0[namespace, default: []] += frames.map { (device: $0.device, bytes: $0.bytes) } }
    }

    /// What was sent inside a namespace.
    package func sent(in namespace: NamespaceName) -> [(device: InterfaceName, bytes: [UInt8])] {
        inside.withLock { $0[namespace] ?? [] }
    }

    package var sent: [(device: InterfaceName, bytes: [UInt8])] { frames.withLock { $0 } }
}
