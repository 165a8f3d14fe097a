package import Addressing
import CMnl
import Glibc
package import NetworkModel
package import NodePorts

/// Frames through ports, by a tap for each that lives as long as this process has it open: what is written to it comes in
/// by the port, and what the port would send and has the nonce is read from it. With the process gone the tap is gone, and
/// the filter at the port, if it is still there, stops frames of one nonce that nobody sends any more.
package struct TapCrossing: FrameCrossing {
    private let threads: NamespaceThreads
    private let namespace: NamespaceName?

    /// - Parameter namespace: nil for the agent's own.
    package init(threads: NamespaceThreads, namespace: NamespaceName? = nil) {
        self.threads = threads
        self.namespace = namespace
    }

    package func cross(_ order: CrossingOrder) async throws(NodeError) -> [CrossingResult] {
        var lanes: [CrossingLane] = []
        do throws(NodeError) {
            for lane in order.lanes {
                lanes.append(
                    try await threads.thread(for: namespace).run { context throws(NodeError) in
                        try CrossingLane(order, lane, LinkWork(context: context))
                    })
            }
            let results = try await run(order, lanes)
            await close(lanes)
            return results
        } catch {
            await close(lanes)
            throw error
        }
    }

    package func clear(_ ports: Set<InterfaceName>) async {
        // What cannot be taken away stops nothing but frames of a probe that is over.
        _ = try? await threads.thread(for: namespace).run { context throws(NodeError) in
            for port in ports {
                guard let index = context.index(of: port) else { continue }
                do throws(KernelError) {
                    let block = try LinkWork(context: context).blocks(of: index, .port)?.sending
                    context.netlink.request.deleteExit(at: .leaving(index, block: block), handle: 0)
                    try context.netlink.acknowledge()
                } catch { continue }
            }
        }
    }

    private func close(_ lanes: [CrossingLane]) async {
        // A port that was deleted meanwhile took its filter with it.
        _ = try? await threads.thread(for: namespace).run { context throws(NodeError) in
            for lane in lanes { lane.close(LinkWork(context: context)) }
        }
    }

    private func run(_ order: CrossingOrder, _ lanes: [CrossingLane]) async throws(NodeError) -> [CrossingResult] {
        let thread: DedicatedThread
        do throws(KernelError) { thread = try DedicatedThread() } catch { throw error.error("start", "thread") }
        let results: [CrossingResult] = await withCheckedContinuation { continuation in
            if !thread.enqueue({ continuation.resume(returning: CrossingRun(order, lanes.map(\.descriptor)).run()) }) {
                continuation.resume(returning: [])
            }
        }
        thread.end()
        return results
    }
}

/// One port with its tap. Made and closed on the thread of the namespace; between the two its descriptor alone is used.
final class CrossingLane: Sendable {
    let descriptor: Int32
    private let exit: RequestBuffer.Place
    private let handles: [UInt32]

    init(_ order: CrossingOrder, _ lane: CrossingOrder.Lane, _ work: LinkWork) throws(NodeError) {
        let port = try work.index(lane.port, for: "measure at", lane.port)
        let exits = Self.exits(order, lane)
        handles = exits.map(\.handle)
        let name = try Self.name(order.nonce, lane.isFirst)
        descriptor = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw KernelError.last("open /dev/net/tun").error("create tap", name.text) }
        do throws(KernelError) {
            guard cmnl_tap(descriptor, name.text) == 0 else { throw .last("TUNSETIFF") }
            try DeviceFiles.setIPv6Disabled(true, on: name)
            guard let tap = work.context.index(of: name) else { throw KernelError(errno: ENODEV) }
            _ = try work.addQueue(to: tap, in: nil)
            work.request.addEntrance(index: tap, to: port)
            try work.netlink.acknowledge()
            work.request.adjust(name, isUp: true)
            try work.netlink.acknowledge()
            exit = .leaving(port, block: try work.blocks(of: port, .port)?.sending)
            for way in exits {
                work.request.addExit(at: exit, handle: way.handle, nonce: way.nonce, offset: way.offset, to: tap)
                try work.netlink.acknowledge()
            }
        } catch {
            Glibc.close(descriptor)
            throw error.error("put frames in at", lane.port.text)
        }
    }

    /// What the port would send is taken out by one of these: marks of plain frames, marks of segments, and answers.
    private static func exits(
        _ order: CrossingOrder, _ lane: CrossingOrder.Lane
    ) -> [(handle: UInt32, nonce: ProbeNonce, offset: Int)] {
        // Names and handles of two probes at one time differ as their nonces do. In the block that ports share, the two
        // lanes of one probe are beside each other.
        let own = UInt32(truncatingIfNeeded: order.nonce.low) & ~0x1000_0000 | 1
        let handle = lane.isFirst ? own : own | 0x1000_0000
        var exits = [(handle: handle, nonce: order.nonce, offset: order.offset)]
        let headers = CrossingOrder.SegmentStream.headers
        if !lane.streams.isEmpty, order.offset != headers {
            exits.append((handle ^ 0x4000_0000, order.nonce, headers))
        }
        if lane.solicitation != nil, order.offset != CrossingOrder.target {
            exits.append((handle ^ 0x0800_0000, order.nonce, CrossingOrder.target))
        }
        if let answers = lane.answers { exits.append((handle ^ 0x2000_0000, answers.nonce, answers.offset)) }
        return exits
    }

    /// `kcp` and ten characters of the nonce, with the side as the last.
    private static func name(_ nonce: ProbeNonce, _ isFirst: Bool) throws(NodeError) -> InterfaceName {
        let digits = String(nonce.high, radix: 16)
        do { return try InterfaceName("kcp\(digits.suffix(9))\(isFirst ? "a" : "b")") } catch {
            throw NodeError(.errno(EINVAL), operation: "name tap", subject: digits)
        }
    }

    func close(_ work: LinkWork) {
        for handle in handles {
            work.request.deleteExit(at: exit, handle: handle)
            // The port is gone, or its filter.
            do throws(KernelError) { try work.netlink.acknowledge() } catch {}
        }
        Glibc.close(descriptor)
    }
}
