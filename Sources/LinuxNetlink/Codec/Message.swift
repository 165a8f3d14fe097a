import CMnl

/// One message of a received datagram. Valid only while the datagram's buffer is.
struct Message {
    let type: Int
    let flags: Int32
    let sequence: UInt32
    /// What follows the netlink header.
    let payload: UnsafeRawBufferPointer

    /// The family's own header at the start of the payload; nil when the message is too short for it.
    func header<Header: BitwiseCopyable>(_: Header.Type) -> Header? {
        guard payload.count >= MemoryLayout<Header>.size else { return nil }
        return payload.loadUnaligned(as: Header.self)
    }

    /// The attributes after a family header of that type.
    func attributes<Header: BitwiseCopyable>(after _: Header.Type) -> Attributes {
        let offset = (MemoryLayout<Header>.size + 3) & ~3
        guard payload.count > offset else { return Attributes(UnsafeRawBufferPointer(start: nil, count: 0)) }
        return Attributes(UnsafeRawBufferPointer(rebasing: payload[offset...]))
    }

    /// The error that NLMSG_ERROR or NLMSG_DONE carries; nil for success (an acknowledgement, an ended dump).
    var failure: KernelError? {
        guard let number = header(Int32.self), number != 0 else { return nil }
        guard number < 0, number > -4096 else { return .malformed("an error number of \(number)") }
        return KernelError(errno: -number, message: extendedAcknowledgement)
    }

    /// NLMSGERR_ATTR_MSG, the kernel's own words; empty when there are none (linux/netlink.h, NETLINK_EXT_ACK).
    private var extendedAcknowledgement: String {
        guard flags & NLM_F_ACK_TLVS != 0 else { return "" }
        var offset = MemoryLayout<Int32>.size
        if type == NLMSG_ERROR {
            offset = MemoryLayout<nlmsgerr>.size
            // Without NLM_F_CAPPED the whole request is repeated before the attributes.
            if flags & NLM_F_CAPPED == 0, let error = header(nlmsgerr.self) {
                offset = MemoryLayout<Int32>.size + Int(error.msg.nlmsg_len + 3) & ~3
            }
        }
        guard offset < payload.count else { return "" }
        for attribute in Attributes(UnsafeRawBufferPointer(rebasing: payload[offset...]))
        where attribute.type == Int(NLMSGERR_ATTR_MSG.rawValue) {
            return attribute.text
        }
        return ""
    }
}

/// The messages of one datagram, in order.
struct Messages: Sequence, IteratorProtocol {
    private var rest: UnsafeRawBufferPointer
    /// A header that is cut off or lies about its length was met, and iteration ended there.
    private(set) var isMalformed = false

    init(_ datagram: UnsafeRawBufferPointer) { rest = datagram }

    mutating func next() -> Message? {
        guard !rest.isEmpty else { return nil }
        let headerSize = MemoryLayout<nlmsghdr>.size
        guard rest.count >= headerSize else {
            isMalformed = true
            return nil
        }
        let header = rest.loadUnaligned(as: nlmsghdr.self)
        let length = Int(header.nlmsg_len)
        guard length >= headerSize, length <= rest.count else {
            isMalformed = true
            return nil
        }
        let payload = UnsafeRawBufferPointer(rebasing: rest[headerSize..<length])
        rest = UnsafeRawBufferPointer(rebasing: rest[Swift.min((length + 3) & ~3, rest.count)...])
        return Message(
            type: Int(header.nlmsg_type), flags: Int32(header.nlmsg_flags), sequence: header.nlmsg_seq,
            payload: payload)
    }
}
