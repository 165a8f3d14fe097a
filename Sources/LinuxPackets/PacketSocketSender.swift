package import Addressing
import CMnl
import Glibc
import LinuxProcesses
import NFTables
package import NetworkModel
package import NodePorts

/// Frames out of devices of one network namespace, through one packet(7) socket that receives nothing.
package final class PacketSocketSender: FrameSender {
    private let thread: NamespaceThread<PacketSocket>

    /// - Parameter namespace: under /run/netns; nil for the namespace of the process.
    package init(namespace: NamespaceName? = nil) {
        thread = NamespaceThread("kc-send", in: namespace) { () throws(NodeError) in try PacketSocket() }
    }

    package func send(_ frame: [UInt8], by device: InterfaceName) async throws(NodeError) {
        try await thread.run { socket throws(NodeError) in try socket.send(frame, by: device) }
    }

    package func send(
        _ frames: [(bytes: [UInt8], device: InterfaceName)], in namespace: NamespaceName
    ) async throws(NodeError) {
        // Rare: a thread for each time, so that none keeps a namespace alive that is to go.
        let thread = NamespaceThread("kc-send", in: namespace) { () throws(NodeError) in try PacketSocket() }
        try await thread.run { socket throws(NodeError) in
            for frame in frames { try socket.send(frame.bytes, by: frame.device) }
        }
    }
}

/// The socket; used on its thread alone.
private final class PacketSocket: ThreadState {
    private let descriptor: FileDescriptor

    init() throws(NodeError) {
        // Protocol 0: no frame of any device is handed to it.
        let raw = socket(AF_PACKET, Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard raw >= 0 else { throw NodeError(.errno(errno), operation: "open", subject: "packet socket") }
        descriptor = FileDescriptor(owning: raw)
        // These frames do not pass the guard of the port that they leave by, but its gate.
        var mark = KCRuleset.FrameMark.delivered
        guard setsockopt(raw, SOL_SOCKET, SO_MARK, &mark, socklen_t(MemoryLayout<UInt32>.size)) == 0 else {
            throw NodeError(.errno(errno), operation: "set the mark of", subject: "packet socket")
        }
    }

    func send(_ frame: [UInt8], by device: InterfaceName) throws(NodeError) {
        func failure() -> NodeError {
            NodeError(.errno(errno), operation: "send a frame", subject: device.text)
        }
        let index = cmnl_interface_index(descriptor.raw, device.text)
        guard index > 0 else { throw failure() }
        guard cmnl_send_frame(descriptor.raw, index, frame, frame.count) == frame.count else { throw failure() }
    }

    var watched: [Int32] { [] }
    func isReady(_ descriptor: Int32) {}
    var deadline: ContinuousClock.Instant? { nil }
    func deadlineIsOver() {}
}
