package import Addressing
import Glibc
import LinuxProcesses
package import NetworkModel
package import NetworkPlanning
package import NodePorts

/// The two nftables tables of one network namespace: structure through kc-nft, elements and reading through nfnetlink.
///
/// All happens on one thread of its own inside the namespace, in the order it was asked for.
package final class NFTPacketFilter: PacketFilter {
    let thread: NamespaceThread<FilterState>
    private let listeners: Hints

    /// - Parameters:
    ///   - namespace: under /run/netns; nil for the namespace of the process.
    ///   - worker: absolute path of kc-nft; nil looks beside the running program.
    ///   - marks: of a program before the guard, which runs at the namespace's ports and is nobody else's.
    package init(namespace: NamespaceName? = nil, worker: String? = nil, marks: (any FrameMarks)? = nil) {
        let listeners = Hints()
        self.listeners = listeners
        thread = NamespaceThread("kc-filter", in: namespace) { () throws(NodeError) -> FilterState in
            try FilterState(
                worker: NFTWorker(path: worker ?? besideProgram("kc-nft")), marks: marks, changed: listeners.tell)
        }
    }

    package func observe() async throws(NodeError) -> ObservedFilter {
        try await thread.run { state throws(NodeError) in try state.observe() }
    }

    /// Consecutive element operations are one transaction, but for boxes (`ChangePhases`); an installation is one of its
    /// own, in which the elements it names are already there.
    package func apply(_ operations: [FilterOperation]) async throws(NodeError) {
        try await thread.run { state throws(NodeError) in try state.apply(operations) }
    }

    package func meet(_ ports: Set<InterfaceName>) {
        guard !ports.isEmpty else { return }
        thread.enqueue { state in for port in ports { state.marked?.refresh(port) } }
    }

    package func events() -> AsyncStream<Void> {
        let stream = listeners.listen()
        // Opens the sockets, so that a change right after this call is heard.
        thread.enqueue { _ in }
        return stream
    }
}
