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
            deliver(.complete(Revision(revision)))
        }
    }

    package func send(_ report: ComputeHostReport) async throws(UpstreamError) { content.withLock { $0.host = report } }
    package func send(_ report: VirtualMachineReport, of vm: ResourceID) async throws(UpstreamError) {
        content.withLock { $0.machines[vm] = report }
    }
    package func read(_ image: ResourceID, at offset: UInt64, count: Int) async throws(UpstreamError) -> [UInt8] {
        content.withLock { Array($0.image[Int(offset)..<min($0.image.count, Int(offset) + count)]) }
    }
}
