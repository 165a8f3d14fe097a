package import Addressing
import CMnl
import Glibc
import LinuxProcesses
package import NetworkModel
package import NodePorts

/// Questions to guests, at their ports.
package struct PortAsking: GuestAsking {
    private let namespace: NamespaceName?

    /// How often is asked, and how long is waited each time.
    private static let times = 4
    private static let wait = Duration.milliseconds(150)
    /// Answers that are kept at most.
    private static let maximumAnswers = 64

    /// - Parameter namespace: under /run/netns; nil for the namespace of the process.
    package init(namespace: NamespaceName? = nil) { self.namespace = namespace }

    package func ask(_ frames: [[UInt8]], at port: InterfaceName) async throws(NodeError) -> [[UInt8]] {
        let thread = NamespaceThread("kc-ask", in: namespace) { () throws(NodeError) in try Ear(port, [136, 129]) }
        return try await thread.run { ear throws(NodeError) in try ear.ask(frames) }
    }

    package func advertisements(
        at port: InterfaceName, least: Duration, most: Duration
    ) async throws(NodeError) -> [[UInt8]] {
        let thread = NamespaceThread("kc-routers", in: namespace) { () throws(NodeError) in try Ear(port, [134]) }
        return try await thread.run { ear in ear.listen(least: least, most: most) }
    }

    /// The socket; used on its thread alone.
    private final class Ear: ThreadState {
        private let socket: TapSocket
        private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 8)
        private let port: InterfaceName

        /// - Parameter types: of ICMPv6 (RFC 4443) that are heard.
        init(_ port: InterfaceName, _ types: [UInt32]) throws(NodeError) {
            self.port = port
            socket = try TapSocket(port, .frames, filter: Self.filter(types))
            // The gate of the port lets these through.
            try socket.markDelivered()
        }

        deinit { buffer.deallocate() }

        func ask(_ frames: [[UInt8]]) throws(NodeError) -> [[UInt8]] {
            var answers: [[UInt8]] = []
            for _ in 0..<PortAsking.times {
                for frame in frames {
                    let failure = socket.send(frame)
                    guard failure == 0 else {
                        throw NodeError(.errno(failure), operation: "ask at", subject: port.text)
                    }
                }
                hear(until: ContinuousClock.now + PortAsking.wait, outgoing: false, &answers)
            }
            return answers
        }

        /// What leaves by the port, for the guest.
        func listen(least: Duration, most: Duration) -> [[UInt8]] {
            let start = ContinuousClock.now
            var found: [[UInt8]] = []
            hear(until: start + least, outgoing: true, &found)
            let step = Duration.milliseconds(50)
            while found.isEmpty, start.duration(to: .now) < most {
                hear(until: ContinuousClock.now + step, outgoing: true, &found)
            }
            return found
        }

        private func hear(until end: ContinuousClock.Instant, outgoing: Bool, _ frames: inout [[UInt8]]) {
            while case let left = ContinuousClock.now.duration(to: end), left > .zero {
                var polled = pollfd(fd: socket.descriptor.raw, events: Int16(POLLIN), revents: 0)
                guard poll(&polled, 1, Int32(left / .milliseconds(1)) + 1) > 0 else { continue }
                socket.receive(buffer) { bytes, seen in
                    guard seen.isOutgoing == outgoing, frames.count < PortAsking.maximumAnswers else { return }
                    frames.append(Array(bytes))
                }
                // A device that went down is readable for ever.
                if polled.revents & Int16(POLLERR) != 0 { usleep(1000) }
            }
        }

        /// These messages of ICMPv6, without extension headers.
        private static func filter(_ types: [UInt32]) -> [sock_filter] {
            func load(_ size: Int32, _ offset: UInt32) -> sock_filter {
                sock_filter(code: UInt16(BPF_LD | size | BPF_ABS), jt: 0, jf: 0, k: offset)
            }
            func isEqual(_ value: UInt32, _ yes: UInt8, _ no: UInt8) -> sock_filter {
                sock_filter(code: UInt16(BPF_JMP | BPF_JEQ | BPF_K), jt: yes, jf: no, k: value)
            }
            let count = UInt8(types.count)
            let tests = types.enumerated().map { place, type in
                let left = count - UInt8(place) - 1
                return isEqual(type, left, left == 0 ? 1 : 0)
            }
            return [
                load(BPF_H, 12), isEqual(0x86dd, 0, count + 4), load(BPF_B, 20), isEqual(58, 0, count + 2),
                load(BPF_B, 54),
            ] + tests + [
                sock_filter(code: UInt16(BPF_RET | BPF_K), jt: 0, jf: 0, k: .max),
                sock_filter(code: UInt16(BPF_RET | BPF_K), jt: 0, jf: 0, k: 0),
            ]
        }

        var watched: [Int32] { [] }
        func isReady(_ descriptor: Int32) {}
        var deadline: ContinuousClock.Instant? { nil }
        func deadlineIsOver() {}
    }
}
