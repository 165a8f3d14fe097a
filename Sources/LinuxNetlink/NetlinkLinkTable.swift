package import Addressing
import Glibc
package import NetworkModel
package import NetworkPlanning
package import NodePorts

/// Layer 5: the devices, addresses and flood entries of network namespaces through rtnetlink. Knows how the kernel is
/// asked and nothing of what should be there.
///
/// Each call runs on the thread of its namespace (NamespaceThreads); calls for one namespace happen one after the other.
package struct NetlinkLinkTable: LinkTable {
    let threads: NamespaceThreads
    let eventBufferBytes: Int32
    private let main: NamespaceName?

    /// - Parameters:
    ///   - eventBufferBytes: what the kernel may hold for one reader of events (SO_RCVBUF); more than that is lost and
    ///     comes as `LinkEvent.everything`.
    ///   - main: the namespace with the ports, which may be thousands: two threads look at it at once. nil: home.
    package init(threads: NamespaceThreads, eventBufferBytes: Int32 = 4 << 20, main: NamespaceName? = nil) {
        self.threads = threads
        self.eventBufferBytes = eventBufferBytes
        self.main = main
    }

    package func observe(in namespace: NamespaceName?) async throws(NodeError) -> ObservedLinks {
        async let looking = namespace == main ? gates(in: namespace) : nil
        var observed = try await threads.thread(for: namespace).run { context throws(NodeError) in
            try LinkWork(context: context).observe()
        }
        let ports = observed.links.values.filter { GateKind($0.name) != nil && $0.settings.master != nil }
        if ports.isEmpty { return observed }
        // What was made after the gates had been looked at seems to have none.
        let looked = try await looking?.get() ?? []
        let open = ports.filter { !looked.contains($0.index) }
        if open.isEmpty { return observed }
        let tunnels = open.filter(\.name.isTunnel).map(\.index)
        let closed = try await threads.thread(for: namespace).run { context throws(NodeError) -> Set<Int32> in
            let work = LinkWork(context: context)
            let attached = work.attached(among: tunnels)
            if open.allSatisfy({ attached.contains($0.index) }) { return attached.union(looked) }
            return try work.gates().union(attached)
        }
        // Without its gate a port or tunnel is not safe in its bridge: it counts as none of its ports, and is made one
        // anew.
        for port in ports where !closed.contains(port.index) { observed.links[port.name]?.settings.master = nil }
        return observed
    }

    private func gates(in namespace: NamespaceName?) async -> Result<Set<Int32>, NodeError> {
        do throws(NodeError) {
            return .success(
                try await threads.thread(for: namespace, role: .gates).run { context throws(NodeError) in
                    try LinkWork(context: context).gates()
                })
        } catch {
            return .failure(error)
        }
    }

    package func observe(
        links: Set<InterfaceName>, in namespace: NamespaceName?
    ) async throws(NodeError) -> ObservedLinks {
        try await threads.thread(for: namespace).run { context throws(NodeError) in
            try LinkWork(context: context).observe(links: links)
        }
    }

    package func apply(
        _ operations: [LinkOperation], in namespace: NamespaceName?
    ) async -> [OperationOutcome] {
        var outcomes: [OperationOutcome] = []
        outcomes.reserveCapacity(operations.count)
        for batch in Batch.batches(of: operations) {
            switch batch {
            case .here(let operations):
                outcomes += await perform(operations, in: namespace, role: .work)
            case .veth(let new, let peer):
                outcomes.append(await create(new, peer: peer, in: namespace))
            case .move(let name, let target, let new):
                outcomes.append(await move(name, from: namespace, to: target, as: new))
            case .trailingDeletions(let operations):
                outcomes += await perform(operations, in: namespace, role: .deletion)
            }
        }
        return outcomes
    }

    /// Has the ports that are there run the program before the guard that new ones get, and no other agent's.
    /// - Throws: when another one's cannot be taken away: nothing may change in the guard then.
    package func settleMarking() async throws(NodeError) {
        try await threads.thread(for: main).run { context throws(NodeError) in
            do throws(KernelError) { try LinkWork(context: context).settleMarking() } catch {
                throw error.error("replace", "the program before the guard")
            }
        }
    }

    package func closedFrames() async throws(NodeError) -> [InterfaceName: UInt64] {
        try await threads.thread(for: nil).run { context throws(NodeError) in
            try LinkWork(context: context).closedFrames()
        }
    }

    /// One stay on the namespace's thread for all of them: going there costs more than a short operation.
    private func perform(
        _ operations: [LinkOperation], in namespace: NamespaceName?, role: NamespaceThreads.Role
    ) async -> [OperationOutcome] {
        do throws(NodeError) {
            return try await threads.thread(for: namespace, role: role).run { context in
                LinkWork(context: context).perform(operations)
            }
        } catch {
            return operations.map { _ in .failure(error) }
        }
    }

    /// Success when it is there already under the new name and here no more.
    private func move(
        _ name: InterfaceName, from namespace: NamespaceName?, to target: NamespaceName?, as new: InterfaceName
    ) async -> OperationOutcome {
        do throws(NodeError) {
            let home = threads.home
            let isGone = try await threads.thread(for: namespace).run { context throws(NodeError) in
                guard let index = context.index(of: name) else { return true }
                let file = try target.map { target throws(NodeError) in try NamespaceFile(target) }
                context.netlink.request.move(index: index, to: file?.descriptor ?? home.descriptor, as: new)
                do throws(KernelError) { try context.netlink.acknowledge() } catch {
                    throw error.error("move", name.text)
                }
                return false
            }
            guard isGone else { return .success(()) }
            return try await threads.thread(for: target).run { context throws(NodeError) in
                if context.index(of: new) != nil { return .success(()) }
                return .failure(
                    NodeError(.errno(ENODEV), operation: "move", subject: name.text, message: "there is no such device")
                )
            }
        } catch { return .failure(error) }
    }

    /// A veth whose peer is born in another namespace: made here, the peer completed there, then this end completed,
    /// so that the bridge never has a port without a guest.
    private func create(_ new: NewLink, peer: NewPeer, in namespace: NamespaceName?) async -> OperationOutcome {
        do throws(NodeError) {
            let here = try threads.thread(for: namespace)
            let there = try threads.thread(for: peer.namespace)
            let isNew = try await here.run { context throws(NodeError) in
                let file = try NamespaceFile(peer.namespace)
                let work = LinkWork(context: context)
                if try work.make(new, peerNamespace: file.descriptor) { return true }
                try work.checkAdoptable(new)
                return false
            }
            do throws(NodeError) {
                try await there.run { context throws(NodeError) in
                    let work = LinkWork(context: context)
                    if !peer.makesLinkLocal { try work.keepFromMakingLinkLocal(peer.name) }
                    try work.finish(peer.name, peer.settings, kind: .veth, isGuests: true)
                }
                try await here.run { context throws(NodeError) in
                    let work = LinkWork(context: context)
                    if isNew {
                        try work.finish(new.name, new.settings, kind: .veth)
                    } else {
                        try work.adopt(new)
                    }
                }
                return .success(())
            } catch {
                guard isNew else { throw error }
                // One end takes the other with it.
                try await here.run { context throws(NodeError) in try LinkWork(context: context).delete(new.name) }
                throw error
            }
        } catch {
            return .failure(error)
        }
    }
}

/// A run of operations that go to a thread together.
private enum Batch {
    case here([LinkOperation])
    case veth(NewLink, NewPeer)
    case move(InterfaceName, NamespaceName?, InterfaceName)
    /// Deletions with nothing after them: each waits 17 ms or more in the kernel, and nothing has to wait for them, so
    /// they happen on a second thread while the first is free for other callers.
    case trailingDeletions([LinkOperation])

    static func batches(of operations: [LinkOperation]) -> [Batch] {
        let last = operations.lastIndex { if case .delete = $0 { false } else { true } }
        let trailing = last.map { $0 + 1 } ?? 0
        var batches: [Batch] = []
        var run: [LinkOperation] = []
        func flush() {
            if !run.isEmpty { batches.append(.here(run)) }
            run = []
        }
        for operation in operations[..<trailing] {
            if case .create(let new) = operation, new.kind == .veth, let peer = new.peer {
                flush()
                batches.append(.veth(new, peer))
            } else if case .move(let name, let target, let new) = operation {
                flush()
                batches.append(.move(name, target, new))
            } else {
                run.append(operation)
            }
        }
        flush()
        if trailing < operations.count { batches.append(.trailingDeletions(Array(operations[trailing...]))) }
        return batches
    }
}
