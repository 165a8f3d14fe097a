import CMnl
import Glibc

/// One netlink socket: sends `request`, matches answers to it by sequence number, repeats interrupted dumps.
///
/// Blocks its thread; belongs to one thread (it is not Sendable). Speaks to whatever is at the other end of the
/// descriptor, so that a test can be the kernel.
final class NetlinkConnection {
    /// An interrupted dump (NLM_F_DUMP_INTR, ENOBUFS) is begun again this often before it counts as failed.
    static let dumpAttempts = 32
    /// The kernel answers at once or when it gets its locks; after this long something is wrong.
    static let patienceSeconds = 60

    let request = RequestBuffer()
    let descriptor: Int32
    private let buffer: UnsafeMutableRawBufferPointer
    private var sequence: UInt32 = 0

    /// Takes over a datagram socket and closes it in the end.
    init(descriptor: Int32) {
        self.descriptor = descriptor
        // Dumps come in pieces of at most 32 KiB (netlink_dump in net/netlink/af_netlink.c).
        buffer = .allocate(byteCount: 1 << 16, alignment: 16)
    }

    /// A NETLINK_ROUTE socket of the calling thread's network namespace; it stays there wherever the thread goes.
    convenience init() throws(KernelError) {
        let descriptor = socket(AF_NETLINK, Int32(SOCK_RAW.rawValue | SOCK_CLOEXEC.rawValue), NETLINK_ROUTE)
        guard descriptor >= 0 else { throw .last("socket(AF_NETLINK)") }
        self.init(descriptor: descriptor)
        for option in [NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK] {
            var one: Int32 = 1
            guard setsockopt(descriptor, SOL_NETLINK, Int32(option), &one, 4) == 0 else {
                throw .last("setsockopt(SOL_NETLINK, \(option))")
            }
        }
        var patience = timeval(tv_sec: Self.patienceSeconds, tv_usec: 0)
        guard setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size)) == 0
        else { throw .last("setsockopt(SO_RCVTIMEO)") }
    }

    deinit {
        close(descriptor)
        buffer.deallocate()
    }

    /// Sends the request and waits until the kernel has done it.
    func acknowledge() throws(KernelError) {
        request.add(flags: NLM_F_ACK)
        try send()
        try receive { _ in }
    }

    /// Sends the request and gives the one message that answers it.
    func get<Answer>(_ read: (Message) -> Answer?) throws(KernelError) -> Answer? {
        request.add(flags: NLM_F_ACK)
        try send()
        var answer: Answer?
        try receive { message in
            if answer == nil { answer = read(message) }
        }
        return answer
    }

    /// Sends the request as a dump and folds its messages into a value; from the beginning again when the kernel says
    /// that what it dumped changed meanwhile.
    /// - Throws: EINTR when the tables never held still.
    func dump<Value>(_ initial: Value, _ fold: (inout Value, Message) -> Void) throws(KernelError) -> Value {
        request.add(flags: NLM_F_DUMP)
        for _ in 0..<Self.dumpAttempts {
            var value = initial
            var interrupted = false
            try send()
            do throws(KernelError) {
                try receive { message in
                    if message.flags & NLM_F_DUMP_INTR != 0 { interrupted = true }
                    if message.type != NLMSG_DONE { fold(&value, message) }
                }
            } catch  where error.errno == ENOBUFS || error.errno == EBUSY {
                // EBUSY: what is left of the dump before is still being given; reading it has ended it by now.
                interrupted = true
            }
            if !interrupted { return value }
        }
        throw KernelError(errno: EINTR, message: "the tables changed during each of \(Self.dumpAttempts) dumps")
    }

    private func send() throws(KernelError) {
        guard !request.overflowed else { throw KernelError(errno: EMSGSIZE, message: "the request") }
        sequence &+= 1
        request.sequence = sequence
        while Glibc.send(descriptor, request.bytes.baseAddress, request.bytes.count, 0) < 0 {
            guard errno == EINTR else { throw .last("send") }
        }
    }

    /// Takes messages of the running request until its end: NLMSG_ERROR (0 = done) or NLMSG_DONE. Messages of earlier
    /// requests, left over after a failure, are dropped.
    private func receive(_ body: (Message) -> Void) throws(KernelError) {
        while true {
            var messages = Messages(try nextDatagram())
            while let message = messages.next() {
                guard message.sequence == sequence else { continue }
                switch Int32(message.type) {
                case NLMSG_ERROR:
                    if let failure = message.failure { throw failure }
                    return
                case NLMSG_DONE:
                    body(message)
                    if let failure = message.failure { throw failure }
                    return
                case NLMSG_NOOP: continue
                case NLMSG_OVERRUN: throw KernelError(errno: ENOBUFS, message: "overrun")
                default: body(message)
                }
            }
            if messages.isMalformed { throw .malformed("a message whose length does not fit") }
        }
    }

    /// The next datagram that the kernel sent; one from another process (nl_pid not 0) is dropped.
    private func nextDatagram() throws(KernelError) -> UnsafeRawBufferPointer {
        while true {
            var sender = sockaddr_nl()
            var length = socklen_t(MemoryLayout<sockaddr_nl>.size)
            let count = withUnsafeMutablePointer(to: &sender) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    recvfrom(
                        descriptor, buffer.baseAddress, buffer.count, Int32(MSG_TRUNC), $0, &length)
                }
            }
            if count < 0 {
                guard errno == EINTR else { throw .last("recvfrom") }
                continue
            }
            if Int32(sender.nl_family) == AF_NETLINK, sender.nl_pid != 0 { continue }
            guard count > 0 else { throw .malformed("no bytes: the other end closed") }
            guard count <= buffer.count else { throw .malformed("\(count) bytes in one datagram") }
            return UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<count])
        }
    }
}
