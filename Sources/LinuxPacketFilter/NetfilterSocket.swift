import CMnl
import Glibc
import NodePorts

/// A NETLINK_NETFILTER socket, opened in the namespace of the thread that makes it and used on that thread alone.
final class NetfilterSocket {
    private let handle: OpaquePointer
    private let buffer: UnsafeMutableRawBufferPointer
    private var lastSequence: UInt32 = 0
    /// How many changes of elements the kernel has done for this socket.
    var transactions: UInt32 = 0

    /// One datagram of a dump is at most 32 KiB (NLMSG_GOODSIZE and netlink_dump's limit).
    private static let bufferSize = 64 << 10

    /// - Parameter group: NFNLGRP_* to hear; nil for requests only.
    init(group: nfnetlink_groups? = nil) throws(NodeError) {
        guard let handle = mnl_socket_open2(NETLINK_NETFILTER, Int32(SOCK_CLOEXEC.rawValue)) else {
            throw NodeError(.errno(errno), operation: "open", subject: "netfilter socket")
        }
        self.handle = handle
        buffer = .allocate(byteCount: Self.bufferSize, alignment: 8)
        guard mnl_socket_bind(handle, 0, 0) == 0 else { throw failure("bind") }
        // Words of the kernel beside its errno; older kernels do without.
        setOption(SOL_NETLINK, NETLINK_EXT_ACK, 1)
        setOption(SOL_NETLINK, NETLINK_CAP_ACK, 1)
        if let group {
            setOption(SOL_SOCKET, SO_RCVBUFFORCE, 1 << 20)
            try join(group)
        }
    }

    deinit {
        mnl_socket_close(handle)
        buffer.deallocate()
    }

    var descriptor: Int32 { mnl_socket_get_fd(handle) }
    /// What the kernel calls this socket, in the header of each change it caused.
    var port: UInt32 { mnl_socket_get_portid(handle) }

    /// Hears a group (NFNLGRP_*) from now on; no harm when it does already.
    func join(_ group: nfnetlink_groups) throws(NodeError) {
        var number = Int32(group.rawValue)
        guard mnl_socket_setsockopt(handle, NETLINK_ADD_MEMBERSHIP, &number, 4) == 0 else { throw failure("join") }
    }

    /// Hears nothing new of a group; what it has heard is still there to be read.
    func leave(_ group: nfnetlink_groups) throws(NodeError) {
        var number = Int32(group.rawValue)
        guard mnl_socket_setsockopt(handle, NETLINK_DROP_MEMBERSHIP, &number, 4) == 0 else { throw failure("leave") }
    }

    /// Numbers for the next messages.
    func nextSequence() -> UInt32 {
        lastSequence = lastSequence &+ 1
        return lastSequence
    }

    /// Sends one request or one whole batch in a single datagram.
    func send(_ request: borrowing NetfilterRequest) throws(NodeError) {
        let length = request.length
        // A datagram must fit the send buffer; its default takes about 2,000 elements.
        if length > 128 << 10 { setOption(SOL_SOCKET, SO_SNDBUFFORCE, Int32(clamping: length * 2)) }
        let sent = request.withBytes { mnl_socket_sendto(handle, $0.baseAddress, $0.count) }
        guard sent == length else { throw failure("send") }
    }

    /// What is there to be read now; empty when nothing is.
    ///
    /// nfnetlink handles a request within the call that sends it, so every answer is there when `send` returns.
    /// The messages' payloads are valid until the next call.
    /// - Throws: errno ENOBUFS when the kernel had to drop messages.
    func receive() throws(NodeError) -> [NetlinkMessage] {
        while true {
            let count = recv(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
            if count >= 0 {
                return NetlinkMessage.all(in: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            }
            if errno == EAGAIN { return [] }
            if errno != EINTR { throw failure("receive") }
        }
    }

    private func failure(_ operation: String) -> NodeError {
        NodeError(.errno(errno), operation: operation, subject: "netfilter socket")
    }

    private func setOption(_ level: Int32, _ option: Int32, _ value: Int32) {
        var value = value
        setsockopt(descriptor, level, option, &value, 4)
    }
}

extension NetfilterSocket {
    /// Sends a GET request and gives each message of the answer to `each`.
    /// - Parameter isDump: NLM_F_DUMP: many messages and an end. Otherwise one message.
    /// - Returns: false when the kernel says ENOENT.
    /// - Throws: errno EINTR when the ruleset changed under a dump (NLM_F_DUMP_INTR): ask again.
    func get(
        _ request: borrowing NetfilterRequest, isDump: Bool, subject: String, each: (NetlinkMessage) -> Void
    ) throws(NodeError) -> Bool {
        try send(request)
        let sequence = lastSequence
        var wasInterrupted = false
        while true {
            let messages = try receive()
            guard !messages.isEmpty else {
                throw NodeError(
                    .protocolViolation, operation: "read", subject: subject, message: "the answer has no end")
            }
            for message in messages where message.header.nlmsg_seq == sequence {
                if message.header.nlmsg_flags & UInt16(NLM_F_DUMP_INTR) != 0 { wasInterrupted = true }
                if let answer = message.failure {
                    if answer.errno == ENOENT { return false }
                    guard answer.errno == 0 else {
                        throw NodeError(
                            .errno(answer.errno), operation: "read", subject: subject, message: answer.text)
                    }
                } else if message.header.nlmsg_type == UInt16(NLMSG_DONE) {
                    // An error of the dump itself stands in the end message.
                    let code = message.payload.count >= 4 ? message.payload.loadUnaligned(as: Int32.self) : 0
                    if code == -ENOENT { return false }
                    if code < 0 { throw NodeError(.errno(-code), operation: "read", subject: subject) }
                    if wasInterrupted { throw NodeError(.errno(EINTR), operation: "read", subject: subject) }
                    return true
                } else {
                    each(message)
                    if !isDump { return true }
                }
            }
        }
    }
}
