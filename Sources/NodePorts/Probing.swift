package import Addressing
package import NetworkModel

/// What the kernel knows of a way: looked at, nothing is changed.
package protocol WaySurvey: Sendable {
    /// How packets to another host's tunnel endpoint would leave.
    /// - Parameters:
    ///   - own: this host's endpoint.
    ///   - interface: the underlay interface, that has it.
    func way(
        to peer: IPv6Address, from own: IPv6Address, by interface: InterfaceName
    ) async throws(NodeError) -> UnderlayFinding

    /// Where frames to these MACs would go: entries of the bridge and of the VXLAN device, none for a MAC that neither
    /// knows. Devices that are not there have none.
    func entries(
        of macs: Set<MACAddress>, bridge: InterfaceName, tunnel: InterfaceName
    ) async throws(NodeError) -> Set<ForwardingFinding>

    /// Whether some socket or device has joined the group on the interface.
    func hasJoined(_ group: IPv6Address, on interface: InterfaceName) async throws(NodeError) -> Bool

    /// How many frames of its guest a port has refused since it is there; a veth refuses those larger than its MTU.
    func refusedFrames(at port: InterfaceName) async throws(NodeError) -> UInt64
}

/// Sends marked packets to another host that does the same, and counts those that come (`ProbeRounds` says when).
package protocol ProbeExchange: Sendable {
    /// - Returns: one for each kind of packet that was to be sent. Takes `ExchangeOrder.duration` when both ends begin
    ///   together and hear each other, and at most 1.5 s more.
    /// - Throws: when nothing can be sent or heard at all: no such interface, no right to its packets.
    func exchange(_ order: ExchangeOrder) async throws(NodeError) -> [ProbeTally]
}

/// An exchange of packets between two hosts.
package struct ExchangeOrder: Hashable, Sendable {
    /// The segment's tunnel.
    package struct Tunnel: Hashable, Sendable {
        package var device: InterfaceName
        package var vni: VNI
        /// Of the segment.
        package var mtu: MTU

        package init(device: InterfaceName, vni: VNI, mtu: MTU) {
            self.device = device
            self.vni = vni
            self.mtu = mtu
        }
    }

    package var nonce: ProbeNonce
    /// Whether this is the end that is asked about first: tells the packets of both ends apart.
    package var isFirst: Bool
    package var interface: InterfaceName
    package var own: IPv6Address
    package var peer: IPv6Address
    /// Of VXLAN.
    package var port: UInt16
    package var hopLimit: UInt8
    /// Of the underlay.
    package var mtu: MTU
    /// nil between hosts alone.
    package var tunnel: Tunnel?

    package init(
        nonce: ProbeNonce, isFirst: Bool, interface: InterfaceName, own: IPv6Address, peer: IPv6Address, port: UInt16,
        hopLimit: UInt8, mtu: MTU, tunnel: Tunnel?
    ) {
        self.nonce = nonce
        self.isFirst = isFirst
        self.interface = interface
        self.own = own
        self.peer = peer
        self.port = port
        self.hopLimit = hopLimit
        self.mtu = mtu
        self.tunnel = tunnel
    }

    /// How often each packet is sent to somebody who listens.
    package static let rounds = 10
    package static let interval = Duration.milliseconds(60)
    /// Before the first round is listened for longer than an interval (`ProbeRounds`).
    package static let lead = Duration.milliseconds(100)
    /// For how long is listened after the last round.
    package static let tail = Duration.milliseconds(150)
    /// What it takes when both begin together.
    package static let duration = lead + interval * rounds + tail

    /// Echoes are answered by kernels: for them alone nobody has to be waited for.
    package var sending: ProbeRounds {
        ProbeRounds(wanted: Self.rounds, latest: tunnel == nil ? 0 : ProbeRounds.latest(Self.interval))
    }
}
