import Addressing
import CMnl
import NFTables
import NetworkModel
import NetworkPlanning

/// RTM_NEWLINK as the kernel answers it: other devices are still indexes, which only the whole dump (or a question)
/// turns into names.
struct LinkAnswer {
    var index: Int32 = 0
    var name = ""
    var flags: UInt32 = 0
    var alias: String?
    var mtu = 0
    var mac: MACAddress?
    var master: Int32?
    var group: UInt32 = 0
    var kind = ""
    var isTap = false
    var vxlan = VXLANAnswer()
    var multicastSnooping: Bool?
    var netfilterCalls: Bool?
    var linkLocalLearning: Bool?
    var learning: Bool?
    var obstacles: Set<DeviceFinding.Obstacle> = []
    /// True when the device has no IPv6 at all (no AF_INET6 part: a kernel with IPv6 off, an MTU below 1280).
    var ipv6Disabled = true

    struct VXLANAnswer {
        var vni: UInt32 = 0
        var group: IPv6Address?
        var local: IPv6Address?
        var link: Int32?
        var port: UInt16 = 0
        var hopLimit: UInt8 = 0
    }

    /// nil when the message is no RTM_NEWLINK of a device.
    init?(_ message: Message) {
        guard message.type == RTM_NEWLINK, let header = message.header(ifinfomsg.self),
            Int32(header.ifi_family) != AF_BRIDGE
        else { return nil }
        index = header.ifi_index
        flags = header.ifi_flags
        for attribute in message.attributes(after: ifinfomsg.self) {
            switch attribute.type {
            case IFLA_IFNAME: name = attribute.text
            case IFLA_IFALIAS: alias = attribute.text
            case IFLA_MTU: mtu = Int(attribute.uint32 ?? 0)
            case IFLA_ADDRESS: mac = attribute.mac
            case IFLA_MASTER: master = attribute.int32
            case IFLA_GROUP: group = attribute.uint32 ?? 0
            case IFLA_LINKINFO: read(information: attribute.nested)
            case IFLA_AF_SPEC: read(families: attribute.nested)
            default: break
            }
        }
    }

    private mutating func read(information: Attributes) {
        var data: Attributes?
        var portKind = ""
        var port: Attributes?
        for attribute in information {
            switch attribute.type {
            case IFLA_INFO_KIND: kind = attribute.text
            case IFLA_INFO_DATA: data = attribute.nested
            case IFLA_INFO_SLAVE_KIND: portKind = attribute.text
            case IFLA_INFO_SLAVE_DATA: port = attribute.nested
            default: break
            }
        }
        if let data {
            switch kind {
            case "vxlan": read(vxlan: data)
            case "bridge": read(bridge: data)
            case "tun": isTap = data.contains { $0.type == IFLA_TUN_TYPE && $0.uint8 == UInt8(IFF_TAP) }
            default: break
            }
        }
        if let port, portKind == "bridge" {
            read(port: port)
        }
    }

    private mutating func read(port data: Attributes) {
        for attribute in data {
            switch attribute.type {
            case IFLA_BRPORT_LEARNING: learning = attribute.uint8 == 1
            // BR_STATE_FORWARDING of linux/if_bridge.h.
            case IFLA_BRPORT_STATE: if attribute.uint8 != UInt8(BR_STATE_FORWARDING) { obstacles.insert(.blocked) }
            case IFLA_BRPORT_ISOLATED: if attribute.uint8 == 1 { obstacles.insert(.isolated) }
            case IFLA_BRPORT_LOCKED: if attribute.uint8 == 1 { obstacles.insert(.locked) }
            case IFLA_BRPORT_UNICAST_FLOOD: if attribute.uint8 == 0 { obstacles.insert(.unflooded) }
            case IFLA_BRPORT_MCAST_FLOOD: if attribute.uint8 == 0 { obstacles.insert(.groupless) }
            default: break
            }
        }
    }

    private mutating func read(vxlan data: Attributes) {
        for attribute in data {
            switch attribute.type {
            case IFLA_VXLAN_ID: vxlan.vni = attribute.uint32 ?? 0
            case IFLA_VXLAN_GROUP6: vxlan.group = attribute.address
            case IFLA_VXLAN_LOCAL6: vxlan.local = attribute.address
            case IFLA_VXLAN_LINK: vxlan.link = attribute.int32
            case IFLA_VXLAN_PORT: vxlan.port = attribute.uint16BigEndian ?? 0
            case IFLA_VXLAN_TTL: vxlan.hopLimit = attribute.uint8 ?? 0
            default: break
            }
        }
    }

    private mutating func read(bridge data: Attributes) {
        var calls: Set<Bool> = []
        for attribute in data {
            switch attribute.type {
            case IFLA_BR_MCAST_SNOOPING: multicastSnooping = attribute.uint8 == 1
            case IFLA_BR_NF_CALL_IPTABLES, IFLA_BR_NF_CALL_IP6TABLES, IFLA_BR_NF_CALL_ARPTABLES:
                calls.insert(attribute.uint8 == 1)
            case IFLA_BR_MULTI_BOOLOPT: linkLocalLearning = attribute.linkLocalLearning
            default: break
            }
        }
        // One that is on is enough to lead frames to a firewall: it is on, and gets repaired where it shall be off.
        netfilterCalls = calls.isEmpty ? nil : calls.contains(true)
    }

    /// IFLA_AF_SPEC { AF_INET6 { IFLA_INET6_CONF: one Int32 for each DEVCONF_* } } (linux/ipv6.h).
    private mutating func read(families: Attributes) {
        for family in families where Int32(family.type) == AF_INET6 {
            for attribute in family.nested where attribute.type == IFLA_INET6_CONF {
                let offset = Int(DEVCONF_DISABLE_IPV6) * 4
                guard attribute.bytes.count >= offset + 4 else { continue }
                ipv6Disabled = attribute.bytes.loadUnaligned(fromByteOffset: offset, as: Int32.self) != 0
            }
        }
    }
}

extension LinkAnswer {
    /// The device in the planner's words; nil when its name is none that KC could have given or be given.
    func observed(nameOf: (Int32) -> InterfaceName?) -> ObservedLink? {
        interfaceName(name).map { observed(as: $0, nameOf: nameOf) }
    }

    /// The same where the name has been read already.
    func observed(as name: InterfaceName, nameOf: (Int32) -> InterfaceName?) -> ObservedLink {
        let settings = LinkSettings(
            alias: alias, mtu: mtu, mac: mac, master: master.flatMap(nameOf), isUp: flags & UInt32(IFF_UP) != 0,
            ipv6Disabled: ipv6Disabled, multicastSnooping: multicastSnooping, netfilterCalls: netfilterCalls,
            linkLocalLearning: linkLocalLearning, learning: learning,
            takesMembers: group == KCRuleset.DeviceGroup.members)
        return ObservedLink(
            name: name, index: index, kind: observedKind(nameOf: nameOf), settings: settings,
            isRunning: flags & UInt32(IFF_UP) != 0 && flags & UInt32(IFF_RUNNING) != 0,
            isMulticast: flags & UInt32(IFF_MULTICAST) != 0,
            isUnfinished: (group == ObservedLink.creationGroup || settings.takesMembers) && alias == nil,
            obstacles: obstacles)
    }

    private func observedKind(nameOf: (Int32) -> InterfaceName?) -> LinkKind {
        switch kind {
        case "bridge": return .bridge
        case "veth": return .veth
        case "tun": return isTap ? .tap : .other(kind)
        case "vxlan":
            // One over IPv4, without an underlay interface or with VNI 0 is none of KC's.
            guard let local = vxlan.local, let link = vxlan.link.flatMap(nameOf), let vni = vni else {
                return .other(kind)
            }
            return .vxlan(
                VXLANSettings(
                    vni: vni, group: vxlan.group, local: local, link: link, port: vxlan.port,
                    hopLimit: vxlan.hopLimit))
        default: return .other(kind)
        }
    }

    private var vni: VNI? {
        do throws(AddressingError) { return try VNI(vxlan.vni) } catch { return nil }
    }
}

/// A name of the kernel's as ours; nil for one with characters that KC keeps out of configurations.
func interfaceName(_ text: String) -> InterfaceName? {
    do throws(AddressingError) { return try InterfaceName(text) } catch { return nil }
}
