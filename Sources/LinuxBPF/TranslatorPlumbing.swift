import Addressing
import CMnl
import Glibc
import LinuxProcesses
import NetworkPlanning
import NodePorts

/// The devices, routes and settings that packets reach a translator by, in the namespace of the calling thread.
struct TranslatorPlumbing {
    let socket: RouteSocket

    /// Makes the pair of devices, where it is missing.
    ///
    /// NOARP: the next hop of every route is the device's own MAC, so nothing is asked for and what is put back into the
    /// stack is for this machine. A GSO size that nothing keeps to: what several datagrams were joined in leaves the
    /// device one by one; TCP never leaves it, since the program takes it before.
    func makeDevices(mtu: Int) throws(NodeError) {
        let noARP = Int32(IFF_NOARP)
        if socket.index(of: .translator) == 0 {
            func device(_ name: InterfaceName) -> RouteMessage {
                var message = RouteMessage.link(flags: noARP, change: noARP)
                message.attribute(IFLA_IFNAME, name.text)
                message.attribute(IFLA_GSO_MAX_SEGS, UInt32(1))
                message.attribute(IFLA_GSO_MAX_SIZE, UInt32(Self.smallestGSO))
                return message
            }
            var data = RouteMessage()
            data.attribute(Int(VETH_INFO_PEER), device(.translatorEnd))
            var info = RouteMessage()
            info.attribute(IFLA_INFO_KIND, "veth")
            info.attribute(IFLA_INFO_DATA, data)
            var message = device(.translator)
            message.attribute(IFLA_LINKINFO, info)
            try socket.request(
                Int(RTM_NEWLINK), NLM_F_CREATE | NLM_F_EXCL, message, "create veth", InterfaceName.translator.text)
        }
        // The kernel brings neither end up in the message that makes the other.
        let flags = noARP | Int32(IFF_UP)
        for name in [InterfaceName.translator, .translatorEnd] {
            var message = RouteMessage.link(index: socket.index(of: name), flags: flags, change: flags)
            message.attribute(IFLA_MTU, UInt32(mtu))
            try socket.request(Int(RTM_NEWLINK), 0, message, "change", name.text)
        }
        for (path, value) in Self.settings { try write(value, to: path) }
    }

    func removeDevices() throws(NodeError) {
        let index = socket.index(of: .translator)
        guard index != 0 else { return }
        try socket.request(
            Int(RTM_DELLINK), 0, RouteMessage.link(index: index), allowing: ENODEV, "delete", "veth of the translator")
    }

    /// Larger than any header, as the kernel demands (MAX_TCP_HEADER).
    private static let smallestGSO = 512

    private static let settings: [(String, String)] = [
        ("ipv4/ip_forward", "1"), ("ipv4/conf/all/rp_filter", "0"),
        ("ipv4/conf/\(InterfaceName.translator)/rp_filter", "0"),
        // From one guest to another it goes in and out by this device: no reason to send redirects.
        ("ipv4/conf/all/send_redirects", "0"), ("ipv4/conf/\(InterfaceName.translator)/send_redirects", "0"),
        ("ipv6/conf/\(InterfaceName.translatorEnd)/disable_ipv6", "1"),
    ]

    private func write(_ value: String, to path: String) throws(NodeError) {
        let path = "/proc/sys/net/" + path
        let file = try FileDescriptor.open(path, O_WRONLY)
        guard Glibc.write(file.raw, value, value.utf8.count) == value.utf8.count else {
            throw NodeError(.errno(errno), operation: "write \(value) to", subject: path)
        }
    }

    // MARK: Routes

    /// Routes `wanted` to the translator's device, and nothing else.
    func route(ipv6 prefix: IPv6Prefix, ipv4 wanted: Set<IPv4Prefix>, mtu: Int) throws(NodeError) {
        let index = socket.index(of: .translator)
        for stale in try prefixes(routedTo: index) where stale != prefix {
            try change(false, .v6(stale), index, mtu: nil)
        }
        try change(true, .v6(prefix), index, mtu: nil)
        let present = try ipv4Routes(to: index)
        for (stale, _) in present where !wanted.contains(stale) { try change(false, .v4(stale), index, mtu: nil) }
        for new in wanted.sorted() where present[new] != mtu { try change(true, .v4(new), index, mtu: mtu) }
    }

    /// The IPv4 routes to the device, with their MTU.
    func ipv4Routes(to index: UInt32) throws(NodeError) -> [IPv4Prefix: Int] {
        var found: [IPv4Prefix: Int] = [:]
        for route in try routes(UInt8(AF_INET), to: index) {
            guard let text = route.attributes[Int(RTA_DST.rawValue)],
                // What the kernel has is a prefix.
                let prefix = try? IPv4Prefix(IPv4Address(networkBytes: text), length: route.length)
            else { continue }
            let metrics = route.attributes[Int(RTA_METRICS.rawValue)].map { Array($0).attributes(from: 0) } ?? [:]
            found[prefix] = metrics[RTAX_MTU].map { Int(Array($0).int32(0)) } ?? 0
        }
        return found
    }

    func prefixes(routedTo index: UInt32) throws(NodeError) -> [IPv6Prefix] {
        try routes(UInt8(AF_INET6), to: index).compactMap { route in
            guard let text = route.attributes[Int(RTA_DST.rawValue)], route.protocol == UInt8(RTPROT_STATIC) else {
                return nil
            }
            return IPv6Prefix(containing: IPv6Address(networkBytes: text), length: route.length)
        }
    }

    private struct Route {
        var length: Int
        var `protocol`: UInt8
        var attributes: [Int: ArraySlice<UInt8>]
    }

    private func routes(_ family: UInt8, to index: UInt32) throws(NodeError) -> [Route] {
        try socket.dump(Int(RTM_GETROUTE), RouteMessage.route(family: family, length: 0)).compactMap { message in
            guard message.count >= 12, message[4] == UInt8(RT_TABLE_MAIN.rawValue) else { return nil }
            let attributes = message.attributes(from: 12)
            guard let device = attributes[Int(RTA_OIF.rawValue)], UInt32(bitPattern: Array(device).int32(0)) == index
            else { return nil }
            return Route(length: Int(message[1]), protocol: message[5], attributes: attributes)
        }
    }

    private enum Destination {
        case v4(IPv4Prefix)
        case v6(IPv6Prefix)
    }

    private func change(_ add: Bool, _ destination: Destination, _ index: UInt32, mtu: Int?) throws(NodeError) {
        var message: RouteMessage
        let text: String
        switch destination {
        case .v4(let prefix):
            message = .route(family: UInt8(AF_INET), length: prefix.length)
            message.attribute(Int(RTA_DST.rawValue), prefix.address.networkBytes)
            text = prefix.description
        case .v6(let prefix):
            message = .route(family: UInt8(AF_INET6), length: prefix.length)
            message.attribute(Int(RTA_DST.rawValue), prefix.address.networkBytes)
            text = prefix.description
        }
        message.attribute(Int(RTA_OIF.rawValue), index)
        if let mtu {
            var metrics = RouteMessage()
            metrics.attribute(RTAX_MTU, UInt32(mtu))
            message.attribute(Int(RTA_METRICS.rawValue), metrics)
        }
        if add {
            try socket.request(Int(RTM_NEWROUTE), NLM_F_CREATE | NLM_F_REPLACE, message, "route", text)
        } else {
            try socket.request(Int(RTM_DELROUTE), 0, message, allowing: ESRCH, "unroute", text)
        }
    }
}
