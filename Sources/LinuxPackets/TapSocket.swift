import Addressing
import CMnl
import Glibc
import LinuxProcesses
import NFTables
import NodePorts

/// A packet(7) socket that hears the packets of one device which have a probe's nonce. Used on one thread.
final class TapSocket {
    /// Where packets begin for it.
    enum View {
        /// The Ethernet header.
        case frames
        /// The IPv6 header, whatever the device has before it.
        case packets
    }

    let descriptor: FileDescriptor
    let index: Int32

    /// - Throws: errno ENODEV when there is no such device.
    init(_ device: InterfaceName, _ view: View, filter: [sock_filter]) throws(NodeError) {
        func failure(_ operation: String) -> NodeError {
            NodeError(.errno(errno), operation: operation, subject: device.text)
        }
        let type = view == .frames ? SOCK_RAW.rawValue : SOCK_DGRAM.rawValue
        // Protocol 0: nothing is heard until the filter is there.
        let raw = socket(AF_PACKET, Int32(type | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        guard raw >= 0 else { throw failure("listen at") }
        descriptor = FileDescriptor(owning: raw)
        index = cmnl_interface_index(raw, device.text)
        guard index > 0 else { throw failure("listen at") }
        guard cmnl_attach_filter(raw, filter, UInt16(filter.count)) == 0 else { throw failure("filter packets of") }
        guard cmnl_bind_packet(raw, index, UInt16(ETH_P_ALL)) == 0 else { throw failure("listen at") }
    }

    /// What one packet was, as the kernel says beside it.
    struct Seen {
        var isOutgoing: Bool
        /// It is for another station's MAC, and came here because the device listens to all.
        var isForOthers: Bool
        /// Its transport checksum is still to be computed by a device that it never gets to.
        var isChecksumOpen: Bool
    }

    /// Hands over what waits.
    func receive(_ buffer: UnsafeMutableRawBufferPointer, _ body: (UnsafeRawBufferPointer, Seen) -> Void) {
        while true {
            var type: UInt8 = 0
            var status: UInt32 = 0
            let count = cmnl_receive_packet(descriptor.raw, buffer.baseAddress, buffer.count, &type, &status)
            if count < 0, errno == EINTR { continue }
            // ENETDOWN when the device went down: it is heard again when it is up.
            guard count >= 0 else { return }
            body(
                UnsafeRawBufferPointer(rebasing: buffer[..<min(count, buffer.count)]),
                Seen(
                    isOutgoing: Int32(type) == PACKET_OUTGOING, isForOthers: Int32(type) == PACKET_OTHERHOST,
                    isChecksumOpen: status & UInt32(TP_STATUS_CSUMNOTREADY) != 0))
        }
    }

    /// Gives what is sent the mark that gates of ports and tunnels let through.
    func markDelivered() throws(NodeError) {
        var mark = KCRuleset.FrameMark.delivered
        guard setsockopt(descriptor.raw, SOL_SOCKET, SO_MARK, &mark, 4) == 0 else {
            throw NodeError(.errno(errno), operation: "set the mark of", subject: "packet socket")
        }
    }

    /// Sends a whole frame out of the device.
    /// - Returns: 0 or an errno.
    func send(_ frame: [UInt8]) -> Int32 {
        cmnl_send_frame(descriptor.raw, index, frame, frame.count) == frame.count ? 0 : errno
    }
}
