import LinuxProcesses
package import NetworkModel
package import NodePorts

/// Layer 5. Copies of frames from the kernel: what rules of the packet filter log (nfnetlink_log) in one network
/// namespace. Knows nothing of what the frames mean.
///
/// All happens on one thread of its own inside the namespace; each group has its own socket, so that a flood in one
/// costs the others nothing.
package final class NetfilterLog: PacketLog {
    private let thread: NamespaceThread<LogReaders>

    /// - Parameter namespace: under /run/netns; nil for the namespace of the process.
    package init(namespace: NamespaceName? = nil) {
        thread = NamespaceThread("kc-log", in: namespace) { LogReaders() }
    }

    package func frames(of group: LogGroup, snapLength: Int) async throws(NodeError) -> AsyncStream<LoggedFrame> {
        let ended = Ended(thread, group)
        return try await thread.run { readers throws(NodeError) in
            try readers.bind(group, snapLength: snapLength, ended: ended.tell)
        }
    }

    /// Lets go of a group for a reader that went; does not keep the thread.
    private final class Ended: Sendable {
        private weak let thread: NamespaceThread<LogReaders>?
        private let group: LogGroup

        init(_ thread: NamespaceThread<LogReaders>, _ group: LogGroup) {
            self.thread = thread
            self.group = group
        }

        /// - Parameter number: of the binding.
        func tell(_ number: Int) {
            let group = group
            thread?.enqueue { $0.unbind(group, number) }
        }
    }
}
