import CMnl

/// Requests about routes and forwarding (RTM_GETROUTE, RTM_GETNETCONF).
extension RequestBuffer {
    /// A dump of the main table of a family.
    func getRoutes(family: Int32) {
        begin(RTM_GETROUTE)
        var header = rtmsg()
        header.rtm_family = UInt8(family)
        put(header: header)
        put(Int(RTA_TABLE.rawValue), UInt32(RT_TABLE_MAIN.rawValue))
    }

    /// net.ipv6.conf.all.
    func getForwardingSetting() {
        begin(RTM_GETNETCONF)
        put(header: netconfmsg(ncm_family: UInt8(AF_INET6)))
        put(NETCONFA_IFINDEX, Int32(NETCONFA_IFINDEX_ALL))
    }
}

/// RTM_NEWROUTE of the main table.
struct RouteAnswer {
    /// The devices it leads to: one, several (RTA_MULTIPATH), or none.
    let indexes: [Int32]
    /// A way out for everything: no destination, of type unicast (not unreachable, blackhole, prohibit).
    let isDefault: Bool
    /// Made by the kernel for an address of the device (RTPROT_KERNEL).
    let isKernels: Bool
    let isIPv6: Bool

    init?(_ message: Message) {
        guard message.type == RTM_NEWROUTE || message.type == RTM_DELROUTE, let header = message.header(rtmsg.self)
        else { return nil }
        var indexes: [Int32] = []
        for attribute in message.attributes(after: rtmsg.self) {
            switch attribute.type {
            case Int(RTA_OIF.rawValue): indexes += attribute.int32.map { [$0] } ?? []
            case Int(RTA_MULTIPATH.rawValue): indexes += Self.nextHops(attribute.bytes)
            default: break
            }
        }
        self.indexes = indexes
        isDefault = header.rtm_dst_len == 0 && Int(header.rtm_type) == Int(RTN_UNICAST)
        isKernels = Int32(header.rtm_protocol) == RTPROT_KERNEL
        isIPv6 = Int32(header.rtm_family) == AF_INET6
    }

    /// The devices of a list of rtnexthop, each with a length that covers its own attributes.
    private static func nextHops(_ bytes: UnsafeRawBufferPointer) -> [Int32] {
        var indexes: [Int32] = []
        var offset = 0
        while bytes.count - offset >= MemoryLayout<rtnexthop>.size {
            let hop = bytes.loadUnaligned(fromByteOffset: offset, as: rtnexthop.self)
            indexes.append(hop.rtnh_ifindex)
            guard Int(hop.rtnh_len) >= MemoryLayout<rtnexthop>.size else { break }
            offset += (Int(hop.rtnh_len) + 3) & ~3
        }
        return indexes
    }
}

/// Whether RTM_NEWNETCONF says that forwarding is on; nil for other messages.
func forwarding(_ message: Message) -> Bool? {
    guard message.type == RTM_NEWNETCONF else { return nil }
    // netconfmsg is one byte; the attributes begin at the next multiple of four.
    for attribute in message.attributes(after: netconfmsg.self) where attribute.type == NETCONFA_FORWARDING {
        return attribute.int32 != 0
    }
    return nil
}
