import Addressing
import CMnl
import Glibc
import LinuxProcesses
package import NetworkModel
package import NodePorts

/// Packet sockets at the devices of a capture, on a thread of their own for as long as it lasts.
package struct FrameCapture: FrameCapturing {
    private let namespace: NamespaceName?

    /// - Parameter namespace: under /run/netns; nil for the namespace of the process.
    package init(namespace: NamespaceName? = nil) { self.namespace = namespace }

    package func capture(
        _ order: CaptureOrder, _ take: @escaping @Sendable ([CapturedFrame]) -> Bool
    ) async throws(NodeError) -> [CapturePlaceOutcome] {
        let thread = NamespaceThread("kc-capture", in: namespace) { () throws(NodeError) in CaptureEars(order) }
        return try await thread.run { $0.listen(take) }
    }
}

/// The sockets; made and used on their thread alone.
private final class CaptureEars: ThreadState {
    private let sockets: [Result<TapSocket, NodeError>]
    private let buffer: UnsafeMutableRawBufferPointer

    /// Frames that are taken from one socket before the others have their turn.
    private static let turn = 256
    /// In milliseconds.
    private static let patience: Int32 = 100

    init(_ order: CaptureOrder) {
        buffer = .allocate(byteCount: order.snapLength, alignment: 8)
        sockets = order.places.map { place in
            Result { () throws(NodeError) in
                let filter = CaptureFilter(place.frames, flow: order.flow, peer: order.peer)
                    .assembled(snapLength: order.snapLength)
                let socket = try TapSocket(place.device, .frames, filter: filter)
                guard cmnl_stamp_packets(socket.descriptor.raw) == 0 else {
                    throw NodeError(.errno(errno), operation: "ask for times at", subject: place.device.text)
                }
                return socket
            }
        }
    }

    deinit { buffer.deallocate() }

    func listen(_ take: ([CapturedFrame]) -> Bool) -> [CapturePlaceOutcome] {
        var lost = sockets.map { _ in UInt64(0) }
        var isWanted = take([])
        while isWanted {
            // A socket that there is none of is passed over: poll(2) ignores negative descriptors.
            var polled = sockets.map { pollfd(fd: Self.descriptor($0), events: Int16(POLLIN), revents: 0) }
            _ = poll(&polled, nfds_t(polled.count), Self.patience)
            var frames: [CapturedFrame] = []
            for (place, entry) in polled.enumerated() where entry.revents != 0 {
                receive(entry.fd, place, &frames)
            }
            for (place, socket) in sockets.enumerated() {
                lost[place] += UInt64(cmnl_lost_packets(Self.descriptor(socket)))
            }
            isWanted = take(frames)
            // A device that went down is readable for ever.
            if polled.contains(where: { $0.revents & Int16(POLLERR) != 0 }) { usleep(1000) }
        }
        return zip(sockets, lost).map { socket, lost in
            if case .failure(let error) = socket { CapturePlaceOutcome(failure: error) } else { .init(lost: lost) }
        }
    }

    private static func descriptor(_ socket: Result<TapSocket, NodeError>) -> Int32 {
        if case .success(let socket) = socket { socket.descriptor.raw } else { -1 }
    }

    private func receive(_ descriptor: Int32, _ place: Int, _ frames: inout [CapturedFrame]) {
        for _ in 0..<Self.turn {
            var (type, time, length) = (UInt8(0), UInt64(0), UInt32(0))
            let count = cmnl_receive_captured(
                descriptor, buffer.baseAddress, buffer.count, &type, &time, &length)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return }
            let bytes = buffer[..<min(count, buffer.count)]
            frames.append(
                CapturedFrame(
                    device: place, nanoseconds: time, length: max(Int(length), bytes.count),
                    isOutgoing: Int32(type) == PACKET_OUTGOING, bytes: Array(bytes)))
        }
    }

    var watched: [Int32] { [] }
    func isReady(_ descriptor: Int32) {}
    var deadline: ContinuousClock.Instant? { nil }
    func deadlineIsOver() {}
}
