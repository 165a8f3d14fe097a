package import Addressing
package import Resources

/// What the agent at one end of a way found: measured and seen values, no judgement. The verdict is made of those of both
/// ends (`Diagnosis`).
package struct PathFindings: Hashable, Sendable {
    /// Of the desired state that the agent had.
    package var revision: Revision
    /// The way to the other host; nil when both ends are on this one.
    package var underlay: UnderlayFinding?
    /// The devices concerned, each as it was seen at several moments: one entry for each state that it was in.
    package var devices: Set<DeviceFinding>
    /// Entries of forwarding databases for the MACs of both ends.
    package var entries: Set<ForwardingFinding>
    /// Whether the underlay interface has joined the segment's group; nil where there is none.
    package var hasJoined: Bool?
    /// What was sent and what came.
    package var tallies: [ProbeTally]
    /// Guests of this host that were asked.
    package var guests: [GuestFinding]
    /// The gateway that the way leads through, when it is on this host.
    package var gateway: GatewayFinding?
    /// Why a part could not be measured, in the words of the kernel.
    package var failures: [String]
    /// By the host's clock, when it answered; nil: nobody asked.
    package var time: Timestamp?
    /// Whether KC's guards are in the kernel; nil: nobody asked.
    package var isGuarded: Bool?
    /// Where marked frames were seen at the segment's tunnel; nil: nobody listened there.
    package var passage: PassageFinding?
    /// What the guards lack; nil: nobody asked, or nothing was dropped.
    package var guards: GuardFinding?

    package init(
        revision: Revision, underlay: UnderlayFinding? = nil, devices: Set<DeviceFinding> = [],
        entries: Set<ForwardingFinding> = [], hasJoined: Bool? = nil, tallies: [ProbeTally] = [],
        guests: [GuestFinding] = [], gateway: GatewayFinding? = nil, failures: [String] = [],
        time: Timestamp? = nil, isGuarded: Bool? = nil, passage: PassageFinding? = nil, guards: GuardFinding? = nil
    ) {
        self.passage = passage
        self.guards = guards
        self.isGuarded = isGuarded
        self.time = time
        self.gateway = gateway
        self.revision = revision
        self.underlay = underlay
        self.devices = devices
        self.entries = entries
        self.hasJoined = hasJoined
        self.tallies = tallies
        self.guests = guests
        self.failures = failures
    }

    /// No answer is larger.
    package static let maximumItems = 128
}

/// How the kernel would send to the other host's tunnel endpoint.
package struct UnderlayFinding: Hashable, Sendable {
    /// The state of the next hop's entry (linux/neighbour.h, NUD_*).
    package enum Neighbour: String, Choice { case none, incomplete, reachable, stale, failed, fixed }

    /// Whether the host's tunnel endpoint is an address of the underlay interface that packets can be sent from.
    package var hasAddress: Bool
    /// Where the route to the other host leads; nil when there is none.
    package var routeInterface: InterfaceName?
    /// nil on the link itself.
    package var nextHop: IPv6Address?
    package var neighbour: Neighbour
    /// What packets that way are sent to; nil when it is not known.
    package var neighbourMAC: MACAddress?
    /// Of the underlay interface itself.
    package var ownMAC: MACAddress?
    /// The MTU that the route itself has, by hand or learned from "packet too big"; nil: that of its device.
    package var routeMTU: Int?

    package init(
        hasAddress: Bool, routeInterface: InterfaceName?, nextHop: IPv6Address?, neighbour: Neighbour,
        neighbourMAC: MACAddress? = nil, ownMAC: MACAddress? = nil, routeMTU: Int? = nil
    ) {
        self.neighbourMAC = neighbourMAC
        self.ownMAC = ownMAC
        self.routeMTU = routeMTU
        self.hasAddress = hasAddress
        self.routeInterface = routeInterface
        self.nextHop = nextHop
        self.neighbour = neighbour
    }
}

/// One device at one moment.
package struct DeviceFinding: Hashable, Sendable {
    package enum Role: String, Choice { case underlay, vxlan, bridge, port }

    /// Why a bridge does not pass everything on at this port of it (IFLA_BRPORT_* of linux/if_link.h).
    package enum Obstacle: String, Choice {
        /// Its state is not "forwarding".
        case blocked
        /// It exchanges nothing with other isolated ports.
        case isolated
        /// It takes frames of known MACs alone.
        case locked
        /// It gets no frames for MACs that the bridge does not know.
        case unflooded
        /// It gets no frames to groups.
        case groupless
    }

    package var name: InterfaceName
    package var role: Role
    /// Whose port it is.
    package var attachment: ResourceID?
    /// Everything below says nothing of one that is not there.
    package var exists: Bool
    package var isUp: Bool
    package var isRunning: Bool
    package var mtu: Int
    package var master: InterfaceName?
    /// nil for what is no VXLAN device.
    package var vxlan: VXLANFinding?
    /// Of a port of a bridge.
    package var obstacles: Set<Obstacle>

    package init(
        name: InterfaceName, role: Role, attachment: ResourceID? = nil, exists: Bool = false, isUp: Bool = false,
        isRunning: Bool = false, mtu: Int = 0, master: InterfaceName? = nil, vxlan: VXLANFinding? = nil,
        obstacles: Set<Obstacle> = []
    ) {
        self.obstacles = obstacles
        self.name = name
        self.role = role
        self.attachment = attachment
        self.exists = exists
        self.isUp = isUp
        self.isRunning = isRunning
        self.mtu = mtu
        self.master = master
        self.vxlan = vxlan
    }
}

/// IFLA_VXLAN_* of linux/if_link.h.
package struct VXLANFinding: Hashable, Sendable {
    package var vni: VNI
    package var group: IPv6Address?
    package var local: IPv6Address
    package var link: InterfaceName
    package var port: UInt16
    package var hopLimit: UInt8
    /// Where floods go beside the group.
    package var floods: [IPv6Address]

    package init(
        vni: VNI, group: IPv6Address?, local: IPv6Address, link: InterfaceName, port: UInt16, hopLimit: UInt8,
        floods: [IPv6Address]
    ) {
        self.vni = vni
        self.group = group
        self.local = local
        self.link = link
        self.port = port
        self.hopLimit = hopLimit
        self.floods = floods
    }
}

/// An entry of a bridge's or a VXLAN device's forwarding database for one of the two MACs.
package struct ForwardingFinding: Hashable, Sendable {
    /// The port it leads to, or the VXLAN device itself.
    package var device: InterfaceName
    package var mac: MACAddress
    /// The remote tunnel endpoint, of a VXLAN device's entry.
    package var destination: IPv6Address?

    package init(device: InterfaceName, mac: MACAddress, destination: IPv6Address?) {
        self.device = device
        self.mac = mac
        self.destination = destination
    }
}
