package import Addressing
import CMnl
import Glibc
import LinuxProcesses
package import NodePorts

/// How a frame is to be cut and summed by whoever takes it (linux/virtio_net.h).
package struct OffloadOrder: Hashable, Sendable {
    var segment: UInt16
    var headers: UInt16
    var checksumStart: UInt16
    var checksumOffset: UInt16

    /// In bytes: payload of each packet, headers in front of it, where the checksum begins and where in that it is.
    package init(segment: Int, headers: Int, checksumStart: Int, checksumOffset: Int) {
        self.segment = UInt16(clamping: segment)
        self.headers = UInt16(clamping: headers)
        self.checksumStart = UInt16(clamping: checksumStart)
        self.checksumOffset = UInt16(clamping: checksumOffset)
    }
}

/// Puts frames into a device that are not finished. Made in the device's namespace; used on one thread.
package final class OffloadSender {
    private let descriptor: FileDescriptor
    private let index: Int32
    private let device: InterfaceName

    package init(_ device: InterfaceName) throws(NodeError) {
        self.device = device
        func failure(_ operation: String) -> NodeError {
            NodeError(.errno(errno), operation: operation, subject: device.text)
        }
        // Protocol 0: nothing is heard.
        let raw = socket(AF_PACKET, Int32(SOCK_RAW.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard raw >= 0 else { throw failure("send to") }
        descriptor = FileDescriptor(owning: raw)
        index = cmnl_interface_index(raw, device.text)
        guard index > 0, cmnl_take_offload_headers(raw) == 0 else { throw failure("send to") }
    }

    /// - Parameter order: nil for a frame that is finished.
    func send(_ frame: [UInt8], _ order: OffloadOrder?) throws(NodeError) {
        let count = cmnl_send_offloaded(
            descriptor.raw, index, frame, frame.count, order?.segment ?? 0, order?.headers ?? 0,
            order?.checksumStart ?? 0, order?.checksumOffset ?? 0)
        // ENOBUFS: the device took none of it, as a cable would; what is missing is seen at the other end.
        guard count == frame.count || errno == ENOBUFS else {
            throw NodeError(.errno(errno), operation: "send a large frame to", subject: device.text)
        }
    }
}

/// Hears at a tunnel's device and at the one below it. Made in their namespace; used on one thread.
package final class OffloadEars {
    let wire: TapSocket
    let end: TapSocket

    package init(wire: InterfaceName, end: InterfaceName) throws(NodeError) {
        let all = [sock_filter(code: UInt16(BPF_RET | BPF_K), jt: 0, jf: 0, k: 1 << 18)]
        self.wire = try TapSocket(wire, .frames, filter: all)
        self.end = try TapSocket(end, .frames, filter: all)
    }
}

/// Sends one large frame as soon as small ones arrive, and hears what becomes of it.
package struct OffloadExchange {
    /// A frame that came in.
    package struct Frame: Hashable, Sendable {
        package var bytes: [UInt8]
        package var isChecksumOpen: Bool
    }

    package struct Heard: Hashable, Sendable {
        package var wire: [Frame] = []
        package var end: [Frame] = []
    }

    private let sender: OffloadSender
    private let ears: OffloadEars
    /// New devices have a carrier within milliseconds.
    private static let patience = Duration.seconds(2)
    /// How long nothing more must come for all to have come.
    private static let silence = Duration.milliseconds(100)

    package init(_ sender: OffloadSender, _ ears: OffloadEars) {
        self.sender = sender
        self.ears = ears
    }

    package func run(hello: [UInt8], _ frame: [UInt8], _ order: OffloadOrder) throws(NodeError) -> Heard {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 8)
        defer { buffer.deallocate() }
        var heard = Heard()
        let limit = ContinuousClock.now + Self.patience
        while !heard.end.contains(where: { $0.bytes == hello }), ContinuousClock.now < limit {
            try sender.send(hello, nil)
            hear(&heard, buffer, for: .milliseconds(10))
        }
        heard = Heard()
        try sender.send(frame, order)
        while case let before = heard.wire.count + heard.end.count, ContinuousClock.now < limit + Self.patience {
            hear(&heard, buffer, for: Self.silence)
            if heard.wire.count + heard.end.count == before { break }
        }
        return heard
    }

    /// Waits for a frame at either device, and takes all that are there.
    private func hear(_ heard: inout Heard, _ buffer: UnsafeMutableRawBufferPointer, for time: Duration) {
        var polled = [ears.wire, ears.end].map { pollfd(fd: $0.descriptor.raw, events: Int16(POLLIN), revents: 0) }
        _ = poll(&polled, 2, Int32(time / .milliseconds(1)))
        Self.take(ears.wire, buffer, &heard.wire)
        Self.take(ears.end, buffer, &heard.end)
    }

    private static func take(_ ear: TapSocket, _ buffer: UnsafeMutableRawBufferPointer, _ frames: inout [Frame]) {
        ear.receive(buffer) { bytes, seen in
            guard !seen.isOutgoing else { return }
            frames.append(Frame(bytes: Array(bytes), isChecksumOpen: seen.isChecksumOpen))
        }
    }
}
