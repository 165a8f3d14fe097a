import Addressing
import CMnl
import Glibc
import NodePorts

/// A NETLINK_NETFILTER socket that has one log group of the namespace of the thread that made it; used on that thread
/// alone. Closing it lets go of the group.
final class LogSocket {
    private let handle: OpaquePointer
    private let buffer: UnsafeMutableRawBufferPointer
    private let group: LogGroup
    /// What the next message of the group is numbered (NFULA_SEQ), by which losses show.
    private var expected: UInt32 = 0

    /// NFULNL_NLBUFSIZ_MAX: no datagram of the log is longer.
    private static let bufferSize = 128 << 10

    /// - Throws: errno EPERM (the kernel's choice) when another socket has the group.
    init(_ group: LogGroup, snapLength: Int) throws(NodeError) {
        guard let handle = mnl_socket_open2(NETLINK_NETFILTER, Int32(SOCK_CLOEXEC.rawValue)) else {
            throw NodeError(.errno(errno), operation: "open", subject: "netfilter socket")
        }
        self.handle = handle
        self.group = group
        buffer = .allocate(byteCount: Self.bufferSize, alignment: 8)
        guard mnl_socket_bind(handle, 0, 0) == 0 else { throw failure("bind the socket of") }
        var size = Int32(PacketLogLimits.kernelBytes)
        guard setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &size, 4) == 0 else {
            throw failure("set the buffer of")
        }
        try configure(snapLength)
    }

    deinit {
        mnl_socket_close(handle)
        buffer.deallocate()
    }

    var descriptor: Int32 { mnl_socket_get_fd(handle) }

    /// One NFULNL_MSG_CONFIG (linux/netfilter/nfnetlink_log.h) binds and sets all: the kernel takes the command first.
    private func configure(_ snapLength: Int) throws(NodeError) {
        let request = UnsafeMutableRawPointer.allocate(byteCount: 256, alignment: 8)
        defer { request.deallocate() }
        guard let header = mnl_nlmsg_put_header(request) else { return }
        header.pointee.nlmsg_type = UInt16(NFNL_SUBSYS_ULOG) << 8 | UInt16(NFULNL_MSG_CONFIG.rawValue)
        header.pointee.nlmsg_flags = UInt16(NLM_F_REQUEST | NLM_F_ACK)
        header.pointee.nlmsg_seq = 1
        mnl_nlmsg_put_extra_header(header, MemoryLayout<nfgenmsg>.size)?.storeBytes(
            of: nfgenmsg(nfgen_family: UInt8(AF_UNSPEC), version: UInt8(NFNETLINK_V0), res_id: group.number.bigEndian),
            as: nfgenmsg.self)
        var command = nfulnl_msg_config_cmd(command: UInt8(NFULNL_CFG_CMD_BIND.rawValue))
        mnl_attr_put(header, UInt16(NFULA_CFG_CMD.rawValue), MemoryLayout.size(ofValue: command), &command)
        var mode = nfulnl_msg_config_mode(
            copy_range: UInt32(clamping: snapLength).bigEndian, copy_mode: UInt8(NFULNL_COPY_PACKET), _pad: 0)
        // struct nfulnl_msg_config_mode is packed: 6 bytes, whatever Swift pads it to.
        mnl_attr_put(header, UInt16(NFULA_CFG_MODE.rawValue), 6, &mode)
        // Each frame at once: who waits for one waits while a guest does.
        mnl_attr_put_u32(header, UInt16(NFULA_CFG_QTHRESH.rawValue), UInt32(1).bigEndian)
        mnl_attr_put_u16(header, UInt16(NFULA_CFG_FLAGS.rawValue), UInt16(NFULNL_CFG_F_SEQ).bigEndian)
        let length = Int(header.pointee.nlmsg_len)
        guard mnl_socket_sendto(handle, request, length) == length else { throw failure("bind") }
        try expectAcknowledgement()
    }

    /// nfnetlink answers within the call that sends; frames may stand before the answer, and none is lost by that: they
    /// are numbered and counted as missed.
    private func expectAcknowledgement() throws(NodeError) {
        while true {
            let count = recv(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure("bind") }
            let datagram = UnsafeRawBufferPointer(rebasing: buffer[..<count])
            for message in LogMessage.messages(in: datagram) where message.type == UInt16(NLMSG_ERROR) {
                // struct nlmsgerr: the negative errno, 0 for success.
                guard message.payload.count >= 4 else { continue }
                let code = -message.payload.loadUnaligned(as: Int32.self)
                guard code == 0 else {
                    throw NodeError(.errno(code), operation: "bind", subject: group.description)
                }
                return
            }
        }
    }

    /// A frame and how many were lost before it.
    struct Numbered {
        var missed: Int
        var frame: LoggedFrame
    }

    /// What one datagram brings; nil when none waits.
    /// - Throws: when the socket fails for another reason than a full buffer, which numbers make good.
    func receive() throws(NodeError) -> [Numbered]? {
        while true {
            let count = recv(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
            guard count >= 0 else {
                switch errno {
                case EAGAIN: return nil
                // The kernel dropped frames: the next one's number says how many.
                case EINTR, ENOBUFS: continue
                default: throw failure("read")
                }
            }
            return LogMessage.messages(in: UnsafeRawBufferPointer(rebasing: buffer[..<count])).compactMap(numbered)
        }
    }

    private func numbered(_ message: LogMessage) -> Numbered? {
        guard let packet = message.packet() else { return nil }
        var missed = 0
        if let sequence = packet.sequence {
            missed = Int(sequence &- expected)
            expected = sequence &+ 1
        }
        return Numbered(
            missed: missed,
            frame: LoggedFrame(
                prefix: packet.prefix, source: packet.source.flatMap(name),
                destination: packet.destination.flatMap(name),
                bytes: packet.bytes))
    }

    /// nil when the device is gone.
    private func name(of index: Int32) -> InterfaceName? {
        var name = [CChar](repeating: 0, count: Int(IFNAMSIZ))
        guard cmnl_interface_name(descriptor, index, &name) == 0 else { return nil }
        let text = String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        // The kernel gives no name that this refuses.
        return try? InterfaceName(text)
    }

    private func failure(_ operation: String) -> NodeError {
        NodeError(.errno(errno), operation: operation, subject: group.description)
    }
}
