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
    package init(namespace: NamespaceName? = nil, worker: String? = nil) {
        let listeners = Hints()
        self.listeners = listeners
        thread = NamespaceThread("kc-filter", in: namespace) { () throws(NodeError) -> FilterState in
            try FilterState(worker: NFTWorker(path: worker ?? Self.workerBesideProgram()), changed: listeners.tell)
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

    package func events() -> AsyncStream<Void> {
        let stream = listeners.listen()
        // Opens the sockets, so that a change right after this call is heard.
        thread.enqueue { _ in }
        return stream
    }

    static func workerBesideProgram() -> String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        let program = buffer[..<max(0, count)].map(UInt8.init(bitPattern:))
        let directory = program.lastIndex(of: UInt8(ascii: "/")).map { program[...$0] } ?? []
        return String(decoding: directory, as: UTF8.self) + "kc-nft"
    }
}
