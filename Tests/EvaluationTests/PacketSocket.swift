import Glibc

/// A raw socket (packet(7)) on one device of the namespace of the thread that opened it: sends frames as they are and
/// hears what comes in, not what goes out.
final class PacketSocket {
    private let descriptor: Int32

    struct Failure: Error, CustomStringConvertible {
        var description: String
        init(_ what: String) { description = "\(what): \(String(cString: strerror(errno)))" }
    }

    // linux/if_packet.h, linux/socket.h: not in the Glibc module.
    private static let level: Int32 = 263
    private static let auxiliaryData: Int32 = 8
    private static let ignoreOutgoing: Int32 = 23
    private static let receiveBufferForce: Int32 = 33

    init(on device: String) throws(Failure) {
        let index = if_nametoindex(device)
        guard index > 0 else { throw Failure("no device \(device)") }
        // Protocol 0 hears nothing until bind(2) says where: nothing of another device gets in before.
        descriptor = socket(AF_PACKET, Int32(SOCK_RAW.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        guard descriptor >= 0 else { throw Failure("socket") }
        for (level, option, value) in [
            (Self.level, Self.auxiliaryData, Int32(1)), (Self.level, Self.ignoreOutgoing, 1),
            (SOL_SOCKET, Self.receiveBufferForce, 64 << 20),
        ] {
            var value = value
            guard setsockopt(descriptor, level, option, &value, 4) == 0 else { throw Failure("option \(option)") }
        }
        // struct sockaddr_ll: family, ETH_P_ALL in network order, index; the rest is for receiving.
        var address = [UInt8](repeating: 0, count: 20)
        address[0] = UInt8(AF_PACKET)
        address[3] = 3
        withUnsafeBytes(of: index) { address.replaceSubrange(4..<8, with: $0) }
        let descriptor = descriptor
        let bound = address.withUnsafeBytes { bytes in
            bytes.withMemoryRebound(to: sockaddr.self) { bind(descriptor, $0.baseAddress, 20) }
        }
        guard bound == 0 else { throw Failure("bind") }
    }

    deinit { close(descriptor) }

    func send(_ frame: [UInt8]) throws(Failure) {
        while Glibc.send(descriptor, frame, frame.count, 0) < 0 {
            guard errno == ENOBUFS || errno == EAGAIN || errno == EINTR else {
                throw Failure("send \(frame.count) bytes")
            }
            wait(for: POLLOUT, milliseconds: 100)
        }
    }

    /// The next frame that has come, with a tag that the device keeps beside the bytes put back; nil when there is none.
    func receive() -> [UInt8]? {
        var frame = [UInt8](repeating: 0, count: 65536)
        var control = [UInt64](repeating: 0, count: 16)
        var got = -1
        var tag: [UInt8] = []
        frame.withUnsafeMutableBytes { bytes in
            control.withUnsafeMutableBytes { extra in
                var part = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
                withUnsafeMutablePointer(to: &part) { part in
                    var header = msghdr()
                    header.msg_iov = part
                    header.msg_iovlen = 1
                    header.msg_control = extra.baseAddress
                    header.msg_controllen = extra.count
                    got = recvmsg(descriptor, &header, 0)
                    // cmsghdr (16 bytes), then struct tpacket_auxdata: status, …, vlan_tci at 16, vlan_tpid at 18.
                    guard got >= 0, header.msg_controllen >= 36,
                        extra.loadUnaligned(fromByteOffset: 16, as: UInt32.self) & 0x10 != 0  // TP_STATUS_VLAN_VALID
                    else { return }
                    let control = extra.loadUnaligned(fromByteOffset: 32, as: UInt16.self)
                    let type = extra.loadUnaligned(fromByteOffset: 34, as: UInt16.self)
                    tag = [
                        UInt8(type >> 8), UInt8(type & 0xff), UInt8(control >> 8), UInt8(control & 0xff),
                    ]
                }
            }
        }
        guard got >= 0 else { return nil }
        frame.removeLast(frame.count - got)
        if !tag.isEmpty { frame.insert(contentsOf: tag, at: 12) }
        return frame
    }

    /// Waits until something can be read, or for so long.
    func wait(for events: Int32 = POLLIN, milliseconds: Int32) {
        var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        _ = poll(&entry, 1, milliseconds)
    }
}
