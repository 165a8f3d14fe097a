import Addressing
import CMnl
import NetworkModel
import NetworkPlanning

/// Requests about devices: RTM_NEWLINK, RTM_SETLINK, RTM_DELLINK, RTM_GETLINK (linux/rtnetlink.h, linux/if_link.h).
extension RequestBuffer {
    /// What is left out of answers about links: per-device and per-address-family statistics.
    private static let filter = UInt32(RTEXT_FILTER_SKIP_STATS)

    /// RTM_NEWLINK that fails when the name exists. The device is born down, with everything the kernel takes at birth;
    /// the kernel ignores an alias here, and IPv6 has to be switched off before the device is up: `adjust` follows.
    /// - Parameters:
    ///   - link: index of `VXLANSettings.link`.
    ///   - peerNamespace: descriptor of the namespace that a veth's peer is born in.
    func create(_ new: NewLink, link: Int32?, peerNamespace: Int32?) {
        begin(RTM_NEWLINK, flags: NLM_F_CREATE | NLM_F_EXCL)
        put(header: ifinfomsg())
        put(birth: new.settings, name: new.name)
        nest(IFLA_LINKINFO) {
            switch new.kind {
            case .vxlan(let vxlan):
                put(IFLA_INFO_KIND, text: "vxlan")
                nest(IFLA_INFO_DATA) { put(vxlan: vxlan, link: link) }
            case .bridge:
                put(IFLA_INFO_KIND, text: "bridge")
                nest(IFLA_INFO_DATA) {
                    put(
                        bridgeSnooping: new.settings.multicastSnooping, netfilterCalls: new.settings.netfilterCalls,
                        linkLocalLearning: new.settings.linkLocalLearning)
                }
            case .veth:
                put(IFLA_INFO_KIND, text: "veth")
                if let peer = new.peer {
                    nest(IFLA_INFO_DATA) {
                        nest(VETH_INFO_PEER) {
                            put(header: ifinfomsg())
                            put(birth: peer.settings, name: peer.name)
                            if let peerNamespace { put(IFLA_NET_NS_FD, peerNamespace) }
                        }
                    }
                }
            case .tap:
                put(IFLA_INFO_KIND, text: "tun")  // refused by the kernel: TapDevice makes taps
            case .other(let kind):
                put(IFLA_INFO_KIND, text: kind)
            }
        }
    }

    private func put(birth settings: LinkSettings, name: InterfaceName) {
        put(IFLA_IFNAME, text: name.text)
        put(IFLA_MTU, UInt32(clamping: settings.mtu))
        // What will have no alias is nobody's business, and must not look as if its alias were still to come.
        if settings.alias != nil { put(IFLA_GROUP, ObservedLink.creationGroup) }
        if let mac = settings.mac { put(IFLA_ADDRESS, low48: mac.value) }
    }

    private func put(vxlan: VXLANSettings, link: Int32?) {
        put(IFLA_VXLAN_ID, vxlan.vni.value)
        if let group = vxlan.group { put(IFLA_VXLAN_GROUP6, high: group.high, low: group.low) }
        put(IFLA_VXLAN_LOCAL6, high: vxlan.local.high, low: vxlan.local.low)
        if let link { put(IFLA_VXLAN_LINK, link) }
        put(IFLA_VXLAN_PORT, bigEndian: vxlan.port)
        put(IFLA_VXLAN_TTL, vxlan.hopLimit)
        put(IFLA_VXLAN_LEARNING, UInt8(1))
        // RFC 8200 section 8.1: UDP over IPv6 has a checksum; none is sent without and none is taken without.
        put(IFLA_VXLAN_UDP_ZERO_CSUM6_TX, UInt8(0))
        put(IFLA_VXLAN_UDP_ZERO_CSUM6_RX, UInt8(0))
    }

    private func put(bridgeSnooping: Bool?, netfilterCalls: Bool?, linkLocalLearning: Bool?) {
        if let bridgeSnooping { put(IFLA_BR_MCAST_SNOOPING, UInt8(bridgeSnooping ? 1 : 0)) }
        if let netfilterCalls {
            for type in [IFLA_BR_NF_CALL_IPTABLES, IFLA_BR_NF_CALL_IP6TABLES, IFLA_BR_NF_CALL_ARPTABLES] {
                put(type, UInt8(netfilterCalls ? 1 : 0))
            }
        }
        if let linkLocalLearning {
            let option = UInt32(1) << BR_BOOLOPT_NO_LL_LEARN.rawValue
            put(
                IFLA_BR_MULTI_BOOLOPT,
                br_boolopt_multi(optval: linkLocalLearning ? 0 : option, optmask: option))
        }
    }

    /// RTM_NEWLINK that changes the hop limit of a living VXLAN device; all else of it stays (vxlan_changelink).
    func adjustVXLAN(_ name: InterfaceName, hopLimit: UInt8) {
        begin(RTM_NEWLINK)
        put(header: ifinfomsg())
        put(IFLA_IFNAME, text: name.text)
        nest(IFLA_LINKINFO) {
            put(IFLA_INFO_KIND, text: "vxlan")
            nest(IFLA_INFO_DATA) { put(IFLA_VXLAN_TTL, hopLimit) }
        }
    }

    /// RTM_SETLINK by name of what is not nil.
    /// - Parameters:
    ///   - alias: empty takes the alias away.
    ///   - master: index of a bridge; 0 takes the device out of its bridge.
    func adjust(
        _ name: InterfaceName, alias: String? = nil, mtu: Int? = nil, mac: MACAddress? = nil, master: Int32? = nil,
        group: UInt32? = nil, isUp: Bool? = nil
    ) {
        begin(RTM_SETLINK)
        var header = ifinfomsg()
        if let isUp {
            header.ifi_change = UInt32(IFF_UP)
            header.ifi_flags = isUp ? UInt32(IFF_UP) : 0
        }
        put(header: header)
        put(IFLA_IFNAME, text: name.text)
        if let alias { put(IFLA_IFALIAS, text: alias) }
        if let mtu { put(IFLA_MTU, UInt32(clamping: mtu)) }
        if let mac { put(IFLA_ADDRESS, low48: mac.value) }
        if let master { put(IFLA_MASTER, master) }
        if let group { put(IFLA_GROUP, group) }
    }

    /// RTM_NEWLINK that changes a living bridge's own options.
    func adjustBridge(
        _ name: InterfaceName, multicastSnooping: Bool?, netfilterCalls: Bool?, linkLocalLearning: Bool?
    ) {
        begin(RTM_NEWLINK)
        put(header: ifinfomsg())
        put(IFLA_IFNAME, text: name.text)
        nest(IFLA_LINKINFO) {
            put(IFLA_INFO_KIND, text: "bridge")
            nest(IFLA_INFO_DATA) {
                put(
                    bridgeSnooping: multicastSnooping, netfilterCalls: netfilterCalls,
                    linkLocalLearning: linkLocalLearning)
            }
        }
    }

    /// RTM_SETLINK of a device into another namespace, where it is down and has that name.
    func move(index: Int32, to namespace: Int32, as name: InterfaceName) {
        begin(RTM_SETLINK)
        var header = ifinfomsg()
        header.ifi_index = index
        header.ifi_change = UInt32(IFF_UP)
        put(header: header)
        put(IFLA_NET_NS_FD, namespace)
        put(IFLA_IFNAME, text: name.text)
    }

    /// RTM_SETLINK of family AF_BRIDGE: options of a bridge's port. IFLA_PROTINFO must carry NLA_F_NESTED here, or the
    /// kernel reads it as an old-style port state.
    func adjustPort(index: Int32, learning: Bool) {
        begin(RTM_SETLINK)
        var header = ifinfomsg()
        header.ifi_family = UInt8(AF_BRIDGE)
        header.ifi_index = index
        put(header: header)
        nest(IFLA_PROTINFO) { put(IFLA_BRPORT_LEARNING, UInt8(learning ? 1 : 0)) }
    }

    /// RTM_SETLINK of family AF_BRIDGE: a port that passes everything on. The state goes alone: the kernel refuses it while
    /// the bridge has a spanning tree (`br_set_port_state`), and what else is in the message with it.
    func clearPort(index: Int32, of obstacles: Set<DeviceFinding.Obstacle>) {
        begin(RTM_SETLINK)
        var header = ifinfomsg()
        header.ifi_family = UInt8(AF_BRIDGE)
        header.ifi_index = index
        put(header: header)
        nest(IFLA_PROTINFO) {
            for obstacle in obstacles {
                switch obstacle {
                case .blocked: put(IFLA_BRPORT_STATE, UInt8(BR_STATE_FORWARDING))
                case .isolated: put(IFLA_BRPORT_ISOLATED, UInt8(0))
                case .locked: put(IFLA_BRPORT_LOCKED, UInt8(0))
                case .unflooded: put(IFLA_BRPORT_UNICAST_FLOOD, UInt8(1))
                case .groupless: put(IFLA_BRPORT_MCAST_FLOOD, UInt8(1))
                }
            }
        }
    }

    /// RTM_SETLINK: the loopback device, whose index is 1 in every namespace (LOOPBACK_IFINDEX), up.
    func adjustLoopback() {
        begin(RTM_SETLINK)
        var header = ifinfomsg()
        header.ifi_index = 1
        header.ifi_change = UInt32(IFF_UP)
        header.ifi_flags = UInt32(IFF_UP)
        put(header: header)
    }

    func deleteLink(_ name: InterfaceName) {
        begin(RTM_DELLINK)
        put(header: ifinfomsg())
        put(IFLA_IFNAME, text: name.text)
    }

    /// RTM_GETLINK of one device with its counters.
    func getCounters(index: Int32) {
        begin(RTM_GETLINK)
        var header = ifinfomsg()
        header.ifi_index = index
        put(header: header)
    }

    /// RTM_GETLINK of one device, or of all as a dump.
    func getLink(_ name: InterfaceName?) {
        begin(RTM_GETLINK)
        put(header: ifinfomsg())
        if let name { put(IFLA_IFNAME, text: name.text) }
        put(IFLA_EXT_MASK, Self.filter)
    }
}
