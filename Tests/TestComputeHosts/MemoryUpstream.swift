package import ComputeModel
package import ComputeNode
package import Resources
import Synchronization

/// A server in memory: the agent's real code speaks with it.
package final class MemoryUpstream: ComputeUpstream {
    private struct Content {
        var orders: [ResourceID: MachineOrder] = [:]
        var revision: UInt64 = 1
        var image: [UInt8] = []
        var host: ComputeHostReport?
        var machines: [ResourceID: VirtualMachineReport] = [:]
        /// VMs that are gone, till the agent says so too.
        var removals: Set<ResourceID> = []
        var consoles: [ConsoleOrder] = []
        var typed: [ResourceID: AsyncStream<[UInt8]>.Continuation] = [:]
        var shown: [ResourceID: [ConsolePiece]] = [:]
        var listeners: [AsyncStream<Void>.Continuation] = []
    }
    private let content = Mutex(Content())
    package let computeHost: ResourceID

    package init(computeHost: ResourceID, image: [UInt8]) {
        self.computeHost = computeHost
        content.withLock { $0.image = image }
    }

    package func order(_ order: MachineOrder) {
        change { $0.orders[order.id] = order }
    }
    package func remove(_ vm: ResourceID) { change { $0.orders[vm] = nil } }
    /// The same, and says so at each connection until it is done.
    package func removeAloud(_ vm: ResourceID) {
        change { content in
            content.orders[vm] = nil
            content.removals.insert(vm)
        }
    }
    package var removals: Set<ResourceID> { content.withLock { $0.removals } }
    package func acknowledge(removalOf vm: ResourceID) async throws(UpstreamError) {
        content.withLock { _ = $0.removals.remove(vm) }
    }

    private func change(_ body: (inout Content) -> Void) {
        let listeners = content.withLock { content in
            body(&content)
            content.revision += 1
            return content.listeners
        }
        for listener in listeners { listener.yield() }
    }

    package var host: ComputeHostReport? { content.withLock { $0.host } }
    package func report(_ vm: ResourceID) -> VirtualMachineReport? { content.withLock { $0.machines[vm] } }

    package func follow(_ deliver: @escaping @Sendable (OrderEvent) -> Void) async throws(UpstreamError) {
        let (changes, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        content.withLock { $0.listeners.append(signal) }
        signal.yield()
        for await _ in changes {
            let (orders, revision) = content.withLock { (Array($0.orders.values), $0.revision) }
            deliver(.beginning(computeHost: computeHost))
            for order in orders { deliver(.order(order)) }
            for vm in removals { deliver(.removed(vm)) }
            deliver(.complete(Revision(revision)))
            deliver(.consoles(content.withLock { $0.consoles }))
        }
    }

    // MARK: consoles

    package func open(_ console: ConsoleOrder) { change { $0.consoles.append(console) } }
    /// Ends a session, as a server does.
    package func end(_ session: ResourceID) {
        let typed = content.withLock { $0.typed[session] }
        change { $0.consoles.removeAll { $0.session == session } }
        typed?.finish()
    }
    package func type(_ text: String, at session: ResourceID) {
        _ = content.withLock { $0.typed[session] }?.yield(Array(text.utf8))
    }
    package func isAttached(_ session: ResourceID) -> Bool { content.withLock { $0.typed[session] != nil } }
    package func shown(_ session: ResourceID) -> String {
        String(decoding: content.withLock { $0.shown[session, default: []].flatMap(\.bytes) }, as: UTF8.self)
    }
    package func notices(_ session: ResourceID) -> [String] {
        content.withLock { $0.shown[session, default: []].map(\.notice).filter { !$0.isEmpty } }
    }

    package func followConsole(
        _ session: ResourceID, _ deliver: @escaping @Sendable ([UInt8]) -> Void
    ) async throws(UpstreamError) {
        let (typed, continuation) = AsyncStream.makeStream(of: [UInt8].self)
        content.withLock { $0.typed[session] = continuation }
        for await bytes in typed { deliver(bytes) }
    }

    package func show(_ piece: ConsolePiece, number: UInt64, at session: ResourceID) async throws(UpstreamError) {
        content.withLock { content in
            guard content.shown[session, default: []].count == Int(number) else { return }
            content.shown[session, default: []].append(piece)
        }
    }

    package func renew() async throws(UpstreamError) {}
    package func send(_ report: ComputeHostReport) async throws(UpstreamError) { content.withLock { $0.host = report } }
    package func send(_ report: VirtualMachineReport, of vm: ResourceID) async throws(UpstreamError) {
        content.withLock { $0.machines[vm] = report }
    }
    package func read(_ image: ResourceID, at offset: UInt64, count: Int) async throws(UpstreamError) -> [UInt8] {
        content.withLock { Array($0.image[Int(offset)..<min($0.image.count, Int(offset) + count)]) }
    }
}
