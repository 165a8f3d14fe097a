import CMnl

/// One received netlink message.
struct NetlinkMessage {
    let header: nlmsghdr
    /// What follows the netlink header.
    let payload: UnsafeRawBufferPointer

    /// The nf_tables message type (NFT_MSG_*); nil when it is of another subsystem.
    var tableMessage: UInt32? {
        header.nlmsg_type >> 8 == UInt16(NFNL_SUBSYS_NFTABLES) ? UInt32(header.nlmsg_type & 0xff) : nil
    }

    /// nfgen_family (struct nfgenmsg).
    var family: UInt8? { payload.first }

    /// What follows struct nfgenmsg.
    var attributes: NetlinkAttributes {
        NetlinkAttributes(UnsafeRawBufferPointer(rebasing: payload.dropFirst(MemoryLayout<nfgenmsg>.size)))
    }

    /// The messages in a received datagram; ends at the first that does not fit.
    static func all(in datagram: UnsafeRawBufferPointer) -> [NetlinkMessage] {
        var messages: [NetlinkMessage] = []
        var rest = datagram[...]
        let headerLength = MemoryLayout<nlmsghdr>.size
        while rest.count >= headerLength {
            let header = UnsafeRawBufferPointer(rebasing: rest).loadUnaligned(as: nlmsghdr.self)
            let length = Int(header.nlmsg_len)
            guard length >= headerLength, length <= rest.count else { break }
            messages.append(
                NetlinkMessage(
                    header: header,
                    payload: UnsafeRawBufferPointer(
                        rebasing: rest.dropFirst(headerLength).prefix(length - headerLength))
                ))
            rest = rest.dropFirst(min((length + 3) & ~3, rest.count))
        }
        return messages
    }

    /// What an NLMSG_ERROR message says (struct nlmsgerr and the extended ack after it).
    var failure: KernelAnswer? {
        guard header.nlmsg_type == UInt16(NLMSG_ERROR), payload.count >= 4 + MemoryLayout<nlmsghdr>.size else {
            return nil
        }
        let code = payload.loadUnaligned(as: Int32.self)
        let request = payload.loadUnaligned(fromByteOffset: 4, as: nlmsghdr.self)
        var text = ""
        if header.nlmsg_flags & UInt16(NLM_F_ACK_TLVS) != 0 {
            var offset = 4 + MemoryLayout<nlmsghdr>.size
            // The request is quoted whole unless NLM_F_CAPPED says that only its header is.
            if header.nlmsg_flags & UInt16(NLM_F_CAPPED) == 0 {
                offset += max(0, Int(request.nlmsg_len) - MemoryLayout<nlmsghdr>.size)
            }
            let tail = UnsafeRawBufferPointer(rebasing: payload.dropFirst(offset))
            text = NetlinkAttributes(tail).first(Int(NLMSGERR_ATTR_MSG.rawValue))?.string ?? ""
        }
        return KernelAnswer(sequence: request.nlmsg_seq, errno: -code, text: text)
    }
}

/// The kernel's answer to one request.
struct KernelAnswer: Hashable {
    let sequence: UInt32
    /// 0 for an acknowledgement.
    let errno: Int32
    /// Extended ack; may be empty.
    let text: String
}
