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
                    let isShared = try LinkWork(context: context).isShared(index)
                    context.netlink.request.deleteExit(at: .leaving(index, isShared: isShared), handle: 0)
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
            if !thread.enqueue({ continuation.resume(returning: CrossingRun(order, lanes).run()) }) {
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
    private let handle: UInt32

    init(_ order: CrossingOrder, _ lane: CrossingOrder.Lane, _ work: LinkWork) throws(NodeError) {
        let port = try work.index(lane.port, for: "measure at", lane.port)
        // Names and handles of two probes at one time differ as their nonces do.
        handle = UInt32(truncatingIfNeeded: order.nonce.low) | 1
        let name = try Self.name(order.nonce, lane.isFirst)
        descriptor = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw KernelError.last("open /dev/net/tun").error("create tap", name.text) }
        do throws(KernelError) {
            guard cmnl_plain_tap(descriptor, name.text) == 0 else { throw .last("TUNSETIFF") }
            try DeviceFiles.setIPv6Disabled(true, on: name)
            guard let tap = work.context.index(of: name) else { throw KernelError(errno: ENODEV) }
            _ = try work.addQueue(to: tap, isPort: false)
            work.request.addEntrance(index: tap, to: port)
            try work.netlink.acknowledge()
            work.request.adjust(name, isUp: true)
            try work.netlink.acknowledge()
            exit = .leaving(port, isShared: try work.isShared(port))
            work.request.addExit(at: exit, handle: handle, nonce: order.nonce, offset: order.offset, to: tap)
            try work.netlink.acknowledge()
        } catch {
            Glibc.close(descriptor)
            throw error.error("put frames in at", lane.port.text)
        }
    }

    /// `kcp` and ten characters of the nonce, with the side as the last.
    private static func name(_ nonce: ProbeNonce, _ isFirst: Bool) throws(NodeError) -> InterfaceName {
        let digits = String(nonce.high, radix: 16)
        do { return try InterfaceName("kcp\(digits.suffix(9))\(isFirst ? "a" : "b")") } catch {
            throw NodeError(.errno(EINVAL), operation: "name tap", subject: digits)
        }
    }

    func close(_ work: LinkWork) {
        work.request.deleteExit(at: exit, handle: handle)
        // The port is gone, or its filter.
        do throws(KernelError) { try work.netlink.acknowledge() } catch {}
        Glibc.close(descriptor)
    }
}

/// The sending and counting of one crossing; blocks its thread.
private struct CrossingRun {
    private let order: CrossingOrder
    private let lanes: [CrossingLane]
    private let nonce: [UInt8]

    init(_ order: CrossingOrder, _ lanes: [CrossingLane]) {
        self.order = order
        self.lanes = lanes
        nonce = order.nonce.bytes
    }

    func run() -> [CrossingResult] {
        var results = lanes.map { _ in CrossingResult(sent: 0, arrived: [:]) }
        var heard: [Set<ProbeMark>] = lanes.map { _ in [] }
        let start = ContinuousClock.now + CrossingOrder.lead
        listen(until: start, &results, &heard)
        var rounds = CrossingOrder.sending
        while !rounds.isOver {
            for (index, lane) in order.lanes.enumerated() where rounds.sent < lane.frames.count {
                let frame = lane.frames[rounds.sent]
                if write(lanes[index].descriptor, frame, frame.count) == frame.count { results[index].sent += 1 }
            }
            rounds.send()
            listen(until: start + CrossingOrder.interval * rounds.sent, &results, &heard)
            if heard.contains(where: { !$0.isEmpty }) { rounds.hear() }
        }
        listen(until: start + CrossingOrder.interval * rounds.sent + CrossingOrder.tail, &results, &heard)
        for index in results.indices {
            let numbers = heard[index].map { Int($0.number) }
            if let first = numbers.min(), let last = numbers.max() { results[index].rounds = first...last }
        }
        return results
    }

    private func listen(
        until end: ContinuousClock.Instant, _ results: inout [CrossingResult], _ heard: inout [Set<ProbeMark>]
    ) {
        withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 8) { buffer in
            while true {
                let left = ContinuousClock.now.duration(to: end)
                guard left > .zero else { return }
                var polled = lanes.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
                guard poll(&polled, nfds_t(polled.count), Int32(left / .milliseconds(1)) + 1) > 0 else { continue }
                for (index, lane) in lanes.enumerated() where polled[index].revents != 0 {
                    let count = read(lane.descriptor, buffer.baseAddress, buffer.count)
                    guard count > 0 else {
                        // The tap was taken away by somebody: it is readable for ever.
                        if errno != EAGAIN { usleep(1000) }
                        continue
                    }
                    let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
                    guard let mark = ProbeMark(bytes, at: order.offset, nonce),
                        // Answers come to whoever has sent the question.
                        mark.isFirst != order.lanes[index].isFirst || [.reach, .largeReach].contains(mark.kind),
                        heard[index].insert(mark).inserted
                    else { continue }
                    results[index].arrived[mark.kind, default: 0] += 1
                }
            }
        }
    }
}
