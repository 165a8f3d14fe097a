package import Addressing
package import NetworkModel

/// One network device as the kernel shows it, with everything the planner compares.
package struct ObservedLink: Hashable, Sendable {
    package var name: InterfaceName
    /// Kernel index; changes when a device is made again.
    package var index: Int32
    package var kind: LinkKind
    package var settings: LinkSettings
    /// Carrier and administrative state together, as the kernel's operstate (RFC 2863).
    package var isRunning: Bool
    /// IFF_MULTICAST (linux/if.h): may carry multicast replication as an underlay interface.
    package var isMulticast: Bool
    /// A device that an interrupted creation left behind: it has the device group that the adapter gives every device
    /// it makes (`creationGroup`) and no alias yet. Ours, though no alias says so.
    package var isUnfinished: Bool
    /// Why a bridge does not pass everything on at this port of it.
    package var obstacles: Set<DeviceFinding.Obstacle>
    /// Entries that somebody put into a forwarding database at this device; seen only when all is looked at.
    package var strays: Set<StrayEntry>

    /// IFLA_GROUP of devices made by KC ("kc"): can be set in the creating message, which an alias cannot.
    package static let creationGroup: UInt32 = 0x6b63

    package init(
        name: InterfaceName, index: Int32, kind: LinkKind, settings: LinkSettings, isRunning: Bool,
        isMulticast: Bool = true, isUnfinished: Bool = false, obstacles: Set<DeviceFinding.Obstacle> = [],
        strays: Set<StrayEntry> = []
    ) {
        self.obstacles = obstacles
        self.strays = strays
        self.name = name
        self.index = index
        self.kind = kind
        self.settings = settings
        self.isRunning = isRunning
        self.isMulticast = isMulticast
        self.isUnfinished = isUnfinished
    }
}

/// A unicast MAC's entry in a forwarding database that was not learned and does not age (`static`, NUD_NOARP). KC makes none,
/// and one outlives what it was true for: the kernel drops what a static entry's MAC sends from elsewhere (`vxlan_snoop`).
package struct StrayEntry: Hashable, Sendable {
    package var mac: MACAddress
    /// Of the bridge that the device is a port of; otherwise the VXLAN device's own.
    package var isBridges: Bool
    package init(_ mac: MACAddress, isBridges: Bool) {
        self.mac = mac
        self.isBridges = isBridges
    }
}

/// What a device is, with the settings that cannot change while it lives: a difference here means delete and create,
/// but for the hop limit (`canBecome`).
package enum LinkKind: Hashable, Sendable {
    case vxlan(VXLANSettings)
    case bridge
    /// A persistent tap made with TUNSETIFF.
    case tap
    /// A veth; `peer` is known only of one that is to be created.
    case veth
    /// Anything else, by the kernel's name for it ("dummy", "" for hardware).
    case other(String)
}

extension LinkKind {
    /// Whether a living device of this kind can be made one of that kind: the kernel changes a VXLAN's hop limit in
    /// place and nothing else of what is here (vxlan_changelink).
    package func canBecome(_ wanted: LinkKind) -> Bool {
        guard case .vxlan(var settings) = self, case .vxlan(let other) = wanted else { return self == wanted }
        settings.hopLimit = other.hopLimit
        return settings == other
    }
}

/// linux/if_link.h IFLA_VXLAN_*.
package struct VXLANSettings: Hashable, Sendable {
    package var vni: VNI
    /// Multicast group; nil for head-end replication.
    package var group: IPv6Address?
    package var local: IPv6Address
    /// The underlay interface.
    package var link: InterfaceName
    package var port: UInt16
    /// The one that changes on a living device.
    package var hopLimit: UInt8

    package init(vni: VNI, group: IPv6Address?, local: IPv6Address, link: InterfaceName, port: UInt16, hopLimit: UInt8)
    {
        self.vni = vni
        self.group = group
        self.local = local
        self.link = link
        self.port = port
        self.hopLimit = hopLimit
    }
}

/// What can change on a living device.
package struct LinkSettings: Hashable, Sendable {
    /// "kc:segment/<id>" or "kc:attachment/<id>" on what is ours; nil or anything else is foreign.
    package var alias: String?
    package var mtu: Int
    /// nil where KC leaves it to the kernel (desired) or the device has none (observed).
    package var mac: MACAddress?
    package var master: InterfaceName?
    package var isUp: Bool
    /// net.ipv6.conf.<device>.disable_ipv6; nil where KC does not care or it could not be read.
    package var ipv6Disabled: Bool?
    /// Bridges: IFLA_BR_MCAST_SNOOPING; nil on other kinds.
    package var multicastSnooping: Bool?
    /// Bridges: IFLA_BR_NF_CALL_IPTABLES/IP6TABLES/ARPTABLES, all three alike; nil on other kinds.
    package var netfilterCalls: Bool?
    /// Bridges: whether the source of a frame to a link-local group (01:80:c2:00:00:0x), which no gate of a port sees,
    /// is learned (the opposite of BR_BOOLOPT_NO_LL_LEARN, linux/if_bridge.h); nil on other kinds.
    package var linkLocalLearning: Bool?
    /// Bridge ports: IFLA_BRPORT_LEARNING; nil elsewhere or when it does not matter.
    package var learning: Bool?
    /// Whether its group says that it gets whatever members of its segment send (`KCRuleset.DeviceGroup`). Comes after the
    /// elements that give the right and goes before they do, so it is no difference that a device is changed for by itself.
    package var takesMembers: Bool

    package init(
        alias: String? = nil, mtu: Int, mac: MACAddress? = nil, master: InterfaceName? = nil, isUp: Bool,
        ipv6Disabled: Bool? = nil, multicastSnooping: Bool? = nil, netfilterCalls: Bool? = nil,
        linkLocalLearning: Bool? = nil, learning: Bool? = nil, takesMembers: Bool = false
    ) {
        self.takesMembers = takesMembers
        self.linkLocalLearning = linkLocalLearning
        self.alias = alias
        self.mtu = mtu
        self.mac = mac
        self.master = master
        self.isUp = isUp
        self.ipv6Disabled = ipv6Disabled
        self.multicastSnooping = multicastSnooping
        self.netfilterCalls = netfilterCalls
        self.learning = learning
    }
}
