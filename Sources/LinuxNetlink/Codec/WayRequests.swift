import Addressing
import CMnl

/// Requests about single ways: one route, one entry of a forwarding database, the groups of an interface.
extension RequestBuffer {
    /// The route that a packet takes (RTM_GETROUTE with a destination).
    func getRoute(to destination: IPv6Address, from source: IPv6Address) {
        begin(RTM_GETROUTE)
        var header = rtmsg()
        header.rtm_family = UInt8(AF_INET6)
        header.rtm_dst_len = 128
        header.rtm_src_len = 128
        put(header: header)
        put(Int(RTA_DST.rawValue), high: destination.high, low: destination.low)
        put(Int(RTA_SRC.rawValue), high: source.high, low: source.low)
    }

    /// The entry of a MAC: of a VXLAN device itself, or of a bridge (whichever port it leads to). ENOENT when there is none.
    func getForwardingEntry(_ mac: MACAddress, device: Int32, isBridge: Bool) {
        begin(RTM_GETNEIGH)
        var header = ndmsg()
        header.ndm_family = UInt8(AF_BRIDGE)
        header.ndm_ifindex = isBridge ? 0 : device
        header.ndm_flags = UInt8(isBridge ? NTF_MASTER : NTF_SELF)
        put(header: header)
        put(Int(NDA_LLADDR), low48: mac.value)
        if isBridge { put(Int(NDA_MASTER), device) }
    }

    /// A dump of the multicast addresses of all devices (RTM_GETMULTICAST).
    func getGroups() {
        begin(Int(RTM_GETMULTICAST))
        put(header: ifaddrmsg(ifa_family: UInt8(AF_INET6), ifa_prefixlen: 0, ifa_flags: 0, ifa_scope: 0, ifa_index: 0))
    }
}

/// An entry of a forwarding database as the kernel shows it.
struct ForwardingAnswer {
    let index: Int32
    let destination: IPv6Address?

    init?(_ message: Message) {
        guard message.type == RTM_NEWNEIGH, let header = message.header(ndmsg.self),
            Int32(header.ndm_family) == AF_BRIDGE
        else { return nil }
        index = header.ndm_ifindex
        var destination: IPv6Address?
        for attribute in message.attributes(after: ndmsg.self) where attribute.type == Int(NDA_DST) {
            destination = attribute.address
        }
        self.destination = destination
    }
}

/// What a device counts (IFLA_STATS64, struct rtnl_link_stats64 of linux/if_link.h).
struct CounterAnswer {
    /// Frames that came and that the device did not take.
    let refused: UInt64

    init?(_ message: Message) {
        guard message.type == RTM_NEWLINK else { return nil }
        let place = MemoryLayout<rtnl_link_stats64>.offset(of: \.rx_dropped)
        for attribute in message.attributes(after: ifinfomsg.self) where attribute.type == IFLA_STATS64 {
            guard let place, attribute.bytes.count >= place + 8 else { continue }
            refused = attribute.bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self)
            return
        }
        return nil
    }
}

/// RTM_GETMULTICAST's answer: a device and a group that something on it listens to.
struct GroupAnswer {
    let index: Int32
    let group: IPv6Address

    init?(_ message: Message) {
        // Its answers are of the type of the question.
        guard message.type == Int(RTM_GETMULTICAST), let header = message.header(ifaddrmsg.self) else { return nil }
        var group: IPv6Address?
        for attribute in message.attributes(after: ifaddrmsg.self) where attribute.type == Int(IFA_MULTICAST) {
            group = attribute.address
        }
        guard let group else { return nil }
        index = Int32(bitPattern: header.ifa_index)
        self.group = group
    }
}
