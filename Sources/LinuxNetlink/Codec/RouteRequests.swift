import Addressing
import CMnl
import NetworkPlanning

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

    /// Adds or removes a route of KC's in the main table. Adding one that is there is EEXIST, removing one that is not
    /// ESRCH.
    func route(add: Bool, _ route: Route, index: Int32?) {
        begin(add ? RTM_NEWROUTE : RTM_DELROUTE, flags: add ? NLM_F_CREATE | NLM_F_EXCL : 0)
        let isIPv4 = route.destination.address.isIPv4Mapped
        var header = rtmsg()
        header.rtm_family = UInt8(isIPv4 ? AF_INET : AF_INET6)
        header.rtm_dst_len = UInt8(route.destination.length - (isIPv4 ? 96 : 0))
        header.rtm_table = UInt8(RT_TABLE_MAIN.rawValue)
        header.rtm_protocol = Route.protocol
        header.rtm_scope = UInt8(RT_SCOPE_UNIVERSE.rawValue)
        header.rtm_type = UInt8(route.target == .unreachable ? RTN_UNREACHABLE : RTN_UNICAST)
        put(header: header)
        if header.rtm_dst_len > 0 { put(Int(RTA_DST.rawValue), route.destination.address, isIPv4: isIPv4) }
        switch route.target {
        case .via(let hop, _):
            put(Int(RTA_GATEWAY.rawValue), hop, isIPv4: isIPv4)
            if let index { put(Int(RTA_OIF.rawValue), index) }
        case .unreachable:
            put(Int(RTA_PRIORITY.rawValue), Route.lastMetric)
        }
    }

    func put(_ type: Int, _ address: IPv6Address, isIPv4: Bool) {
        if isIPv4 {
            put(type, UInt32(truncatingIfNeeded: address.low).bigEndian)
        } else {
            put(type, high: address.high, low: address.low)
        }
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
    /// Whose device has a carrier and is up (neither RTNH_F_DEAD nor RTNH_F_LINKDOWN).
    let isAlive: Bool
    /// RTA_GATEWAY of one with a single next hop, mapped when IPv4.
    let nextHop: IPv6Address?
    let destination: IPv6Prefix
    /// Made by KC.
    let isOurs: Bool
    let isUnreachable: Bool
    /// A way out for everything: no destination, of type unicast (not unreachable, blackhole, prohibit).
    let isDefault: Bool
    /// Made by the kernel for an address of the device (RTPROT_KERNEL).
    let isKernels: Bool
    let isIPv6: Bool
    /// RTAX_MTU of RTA_METRICS; nil when it is the device's.
    let mtu: Int?

    init?(_ message: Message) {
        guard message.type == RTM_NEWROUTE || message.type == RTM_DELROUTE, let header = message.header(rtmsg.self)
        else { return nil }
        var indexes: [Int32] = []
        var nextHop: IPv6Address?
        var address = IPv6Address.unspecified
        var mtu: UInt32?
        for attribute in message.attributes(after: rtmsg.self) {
            switch attribute.type {
            case Int(RTA_OIF.rawValue): indexes += attribute.int32.map { [$0] } ?? []
            case Int(RTA_GATEWAY.rawValue): nextHop = attribute.address ?? attribute.mappedAddress
            case Int(RTA_DST.rawValue): address = attribute.address ?? attribute.mappedAddress ?? .unspecified
            case Int(RTA_METRICS.rawValue):
                for metric in attribute.nested where metric.type == RTAX_MTU { mtu = metric.uint32 }
            case Int(RTA_MULTIPATH.rawValue): indexes += Self.nextHops(attribute.bytes)
            default: break
            }
        }
        self.indexes = indexes
        self.mtu = mtu.map(Int.init)
        isDefault = header.rtm_dst_len == 0 && Int(header.rtm_type) == Int(RTN_UNICAST)
        isKernels = Int32(header.rtm_protocol) == RTPROT_KERNEL
        isIPv6 = Int32(header.rtm_family) == AF_INET6
        guard header.rtm_dst_len <= (isIPv6 ? 128 : 32) else { return nil }
        isAlive = header.rtm_flags & UInt32(RTNH_F_DEAD | RTNH_F_LINKDOWN) == 0
        self.nextHop = nextHop
        if isIPv6 {
            destination = IPv6Prefix(containing: address, length: Int(header.rtm_dst_len))
        } else {
            let base = address.isIPv4Mapped ? address : Route.everywhereInIPv4.address
            destination = IPv6Prefix(containing: base, length: Int(header.rtm_dst_len) + 96)
        }
        isOurs = header.rtm_protocol == Route.protocol
        isUnreachable = Int(header.rtm_type) == Int(RTN_UNREACHABLE)
    }

    /// As the planner speaks of it; nil for what is not KC's.
    func route(nameOf: (Int32) -> InterfaceName?) -> Route? {
        guard isOurs else { return nil }
        if isUnreachable { return Route(destination, .unreachable) }
        guard let nextHop, let name = indexes.first.flatMap(nameOf) else { return nil }
        return Route(destination, .via(nextHop, name))
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
