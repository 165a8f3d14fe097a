package import Addressing
package import Resources

/// How many packets of one kind a host has sent, and where it has seen those of the other end.
package struct ProbeTally: Hashable, Sendable {
    package enum Kind: String, Choice, CaseIterable {
        /// A small echo between the tunnel endpoints, and one as large as the underlay's MTU.
        case echo, largeEcho
        /// A frame in VXLAN straight to the other host, and one as large as the segment's MTU.
        case unicast, largeUnicast
        /// A frame that the VXLAN device itself sends the way of floods: to the group, or to each host.
        case flood
        /// A frame as one guest sends it to the other: put in at the sender's port, taken out at the receiver's.
        case marked, largeMarked
        /// An echo request as the first end sends it through a gateway, small and as large as the segment carries: put in
        /// at its port, its answer taken out there.
        case reach, largeReach
        /// A full segment of TCP, several of which were put in at the sender's port as one frame: cutting it and filling
        /// its checksum in are left to devices, as a guest's own TCP leaves them.
        case segment
        /// A neighbour solicitation from port to port, the way of floods: for an address that nobody has.
        case solicitation
    }

    package var kind: Kind
    package var sent: Int
    /// errno of the last one that the kernel would not send.
    package var sendFailure: Int32?
    /// Echoes answered; frames seen on the underlay interface, whatever became of them.
    package var onWire: Int
    /// Frames that came out of the VXLAN device; marked ones that came to the port.
    package var delivered: Int
    /// How many of these should have come: the other end's rounds from the first that can have been heard as a whole to
    /// the last of which anything was heard. What it sent earlier, before this end listened, says nothing of the way.
    package var expected: Int
    /// Those on the wire whose UDP checksum is wrong; segments that came with a wrong checksum or size.
    package var corrupt: Int
    /// The fastest answer.
    package var microseconds: Int?
    /// What the guards of the host dropped meanwhile, by reason; of marked frames alone.
    package var drops: [String: Int]

    package init(
        _ kind: Kind, sent: Int = 0, sendFailure: Int32? = nil, onWire: Int = 0, delivered: Int = 0, expected: Int = 0,
        corrupt: Int = 0, microseconds: Int? = nil, drops: [String: Int] = [:]
    ) {
        self.kind = kind
        self.sent = sent
        self.sendFailure = sendFailure
        self.onWire = onWire
        self.delivered = delivered
        self.expected = expected
        self.corrupt = corrupt
        self.microseconds = microseconds
        self.drops = drops
    }
}

/// What a guest said when its own host asked it, at its port.
package struct GuestFinding: Hashable, Sendable {
    package var attachment: ResourceID
    /// To a neighbour solicitation for its address (RFC 4861 section 7.2.4).
    package var isNeighbour: Bool
    /// To an echo request to that address.
    package var answersEcho: Bool
    /// It answered anything at all, be it for its link-local address.
    package var isPresent: Bool
    /// It defends the address of the other end.
    package var claimsOther: Bool
    /// The MAC it answers from, when that is not its own.
    package var foreignMAC: MACAddress?
    /// The address that it itself chooses to send to the other end from (RFC 6724), when that is not the one it is known
    /// by: seen in an answer to an echo request that leaves the choice to it.
    package var chosenSource: IPv6Address?
    /// Frames of it that its port refused meanwhile, because they are larger than the segment carries.
    package var refused: Int
    /// What its guard dropped meanwhile, by reason.
    package var drops: [String: Int]
    /// The routers that advertised themselves at its port; nil: nobody listened.
    package var routers: [RouterFinding]?
    /// What became of questions about names that it would ask; nil: none was put.
    package var names: NamesFinding?
    /// The MAC that it sends what is for the other end to; nil: it sent nothing there, or nobody asked.
    package var answersTo: MACAddress?

    package init(
        attachment: ResourceID, isNeighbour: Bool, answersEcho: Bool, isPresent: Bool = false,
        claimsOther: Bool = false, foreignMAC: MACAddress? = nil, chosenSource: IPv6Address? = nil, refused: Int = 0,
        drops: [String: Int] = [:], routers: [RouterFinding]? = nil, names: NamesFinding? = nil,
        answersTo: MACAddress? = nil
    ) {
        self.answersTo = answersTo
        self.routers = routers
        self.names = names
        self.chosenSource = chosenSource
        self.refused = refused
        self.drops = drops
        self.attachment = attachment
        self.isNeighbour = isNeighbour
        self.answersEcho = answersEcho
        self.isPresent = isPresent
        self.claimsOther = claimsOther
        self.foreignMAC = foreignMAC
    }
}
