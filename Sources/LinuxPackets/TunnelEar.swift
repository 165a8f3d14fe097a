package import Addressing
import Glibc
import LinuxProcesses
package import NetworkModel
package import NodePorts

/// A packet socket at a tunnel's device, on a thread of its own for as long as frames cross.
package struct TunnelEar: TunnelListening {
    private let namespace: NamespaceName?

    /// - Parameter namespace: under /run/netns; nil for the namespace of the process.
    package init(namespace: NamespaceName? = nil) { self.namespace = namespace }

    package func listen(
        for nonce: ProbeNonce, offset: Int, at tunnel: InterfaceName, until isOver: @escaping @Sendable () -> Bool
    ) async throws(NodeError) -> PassageFinding {
        let thread = NamespaceThread("kc-tunnel", in: namespace) { () throws(NodeError) in
            try Ear(nonce, offset, tunnel)
        }
        return try await thread.run { $0.listen(until: isOver) }
    }

    /// The sockets; made and used on their thread alone.
    private final class Ear: ThreadState {
        private let nonce: [UInt8]
        private let offset: Int
        /// One for marks; another for solicitations, where these have the nonce at another place.
        private let sockets: [TapSocket]
        private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 8)
        private var marks: [Bool: Set<ProbeMark>] = [:]
        private var solicitations: [Bool: Int] = [:]

        /// How often is looked whether frames still cross.
        private static let step: Int32 = 50

        init(_ nonce: ProbeNonce, _ offset: Int, _ tunnel: InterfaceName) throws(NodeError) {
            self.nonce = nonce.bytes
            self.offset = offset
            var sockets: [TapSocket] = []
            for place in Set([offset, CrossingOrder.target]) {
                sockets.append(try TapSocket(tunnel, .frames, filter: ProbeFrame.filter(nonce, at: place)))
            }
            self.sockets = sockets
        }

        deinit { buffer.deallocate() }

        func listen(until isOver: () -> Bool) -> PassageFinding {
            let end = ContinuousClock.now + HeardEchoes.maximum
            while !isOver(), ContinuousClock.now < end {
                var polled = sockets.map { pollfd(fd: $0.descriptor.raw, events: Int16(POLLIN), revents: 0) }
                guard poll(&polled, nfds_t(polled.count), Self.step) > 0 else { continue }
                for socket in sockets { socket.receive(buffer, take) }
                // A device that went down is readable for ever.
                if polled.contains(where: { $0.revents & Int16(POLLERR) != 0 }) { usleep(1000) }
            }
            return PassageFinding(
                left: marks[true]?.count ?? 0, entered: marks[false]?.count ?? 0,
                solicitationsLeft: solicitations[true] ?? 0, solicitationsEntered: solicitations[false] ?? 0)
        }

        private func take(_ bytes: UnsafeRawBufferPointer, _ seen: TapSocket.Seen) {
            if ProbeMark.isSolicitation(bytes, nonce) {
                solicitations[seen.isOutgoing, default: 0] += 1
            } else if let mark = ProbeMark(bytes, at: offset, nonce), [.marked, .largeMarked].contains(mark.kind) {
                marks[seen.isOutgoing, default: []].insert(mark)
            }
        }

        var watched: [Int32] { [] }
        func isReady(_ descriptor: Int32) {}
        var deadline: ContinuousClock.Instant? { nil }
        func deadlineIsOver() {}
    }
}
