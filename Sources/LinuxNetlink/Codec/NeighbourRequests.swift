import Addressing
import CMnl
import NetworkPlanning

/// Requests about the forwarding database (RTM_*NEIGH of family AF_BRIDGE, linux/neighbour.h).
extension RequestBuffer {
    /// Adds or removes one remote VTEP of a VXLAN's flood entry: the all-zero MAC with one destination more.
    func flood(add: Bool, index: Int32, to destination: IPv6Address) {
        // NLM_F_APPEND adds a destination to the entry; one that is there already stays, without an error.
        begin(add ? RTM_NEWNEIGH : RTM_DELNEIGH, flags: add ? NLM_F_CREATE | NLM_F_APPEND : 0)
        var header = ndmsg()
        header.ndm_family = UInt8(AF_BRIDGE)
        header.ndm_ifindex = index
        header.ndm_state = UInt16(NUD_PERMANENT | NUD_NOARP)
        header.ndm_flags = UInt8(NTF_SELF)
        put(header: header)
        put(Int(NDA_LLADDR), low48: 0)
        put(Int(NDA_DST), high: destination.high, low: destination.low)
    }

    /// RTM_DELNEIGH of a MAC's entry with all its destinations.
    func deleteEntry(_ entry: StrayEntry, index: Int32) {
        begin(RTM_DELNEIGH)
        var header = ndmsg()
        header.ndm_family = UInt8(AF_BRIDGE)
        header.ndm_ifindex = index
        header.ndm_flags = UInt8(entry.isBridges ? NTF_MASTER : NTF_SELF)
        put(header: header)
        put(Int(NDA_LLADDR), low48: entry.mac.value)
    }

    /// A dump of all forwarding entries, or of one device's.
    func getForwardingEntries(index: Int32 = 0) {
        begin(RTM_GETNEIGH)
        var header = ndmsg()
        header.ndm_family = UInt8(AF_BRIDGE)
        header.ndm_ifindex = index
        put(header: header)
    }
}

/// One destination of a VXLAN's flood entry, as the kernel shows it.
struct FloodAnswer {
    let index: Int32
    let destination: IPv6Address

    /// nil when the message is about anything else: other MACs, bridges' own entries, the group of the device itself.
    init?(_ message: Message) {
        guard message.type == RTM_NEWNEIGH || message.type == RTM_DELNEIGH, let header = message.header(ndmsg.self),
            Int32(header.ndm_family) == AF_BRIDGE, Int32(header.ndm_flags) & NTF_SELF != 0
        else { return nil }
        var destination: IPv6Address?
        var isFlood = false
        for attribute in message.attributes(after: ndmsg.self) {
            switch attribute.type {
            case Int(NDA_LLADDR): isFlood = attribute.isZero
            case Int(NDA_DST): destination = attribute.address
            default: break
            }
        }
        guard isFlood, let destination, !destination.isMulticast else { return nil }
        index = header.ndm_ifindex
        self.destination = destination
    }
}

/// An entry for a unicast MAC that was not learned (`StrayEntry`).
struct StrayAnswer {
    let index: Int32
    let entry: StrayEntry

    /// nil when the message is about anything else: floods, groups, what was learned, a port's own MAC (NUD_PERMANENT in a
    /// bridge's table).
    init?(_ message: Message) {
        guard message.type == RTM_NEWNEIGH, let header = message.header(ndmsg.self),
            Int32(header.ndm_family) == AF_BRIDGE, Int32(header.ndm_state) & (NUD_NOARP | NUD_PERMANENT) != 0
        else { return nil }
        let isBridges = Int32(header.ndm_flags) & NTF_SELF == 0
        if isBridges, Int32(header.ndm_state) & NUD_PERMANENT != 0 { return nil }
        var mac: MACAddress?
        var hasDestination = false
        for attribute in message.attributes(after: ndmsg.self) {
            switch attribute.type {
            case Int(NDA_LLADDR): mac = attribute.isZero ? nil : attribute.mac
            case Int(NDA_DST): hasDestination = true
            default: break
            }
        }
        // A device's own list of addresses it takes is shown like this, too, but leads nowhere.
        guard let mac, !mac.isGroup, isBridges || hasDestination else { return nil }
        index = header.ndm_ifindex
        entry = StrayEntry(mac, isBridges: isBridges)
    }
}

/// Requests about neighbours (RTM_*NEIGH of family AF_INET6).
extension RequestBuffer {
    /// Asks the kernel to use the neighbour: to look for it when it is not known, to verify it when it was not heard of
    /// for long (NTF_USE; RFC 4861 section 7.3.3).
    func useNeighbour(_ address: IPv6Address, index: Int32) {
        begin(RTM_NEWNEIGH, flags: NLM_F_CREATE)
        var header = ndmsg()
        header.ndm_family = UInt8(AF_INET6)
        header.ndm_ifindex = index
        header.ndm_flags = UInt8(NTF_USE)
        put(header: header)
        put(Int(NDA_DST), high: address.high, low: address.low)
    }

    /// One neighbour's entry; ENOENT when there is none.
    func getNeighbour(_ address: IPv6Address, index: Int32) {
        begin(RTM_GETNEIGH)
        var header = ndmsg()
        header.ndm_family = UInt8(AF_INET6)
        header.ndm_ifindex = index
        put(header: header)
        put(Int(NDA_DST), high: address.high, low: address.low)
    }
}

/// NUD_* of a neighbour's entry (linux/neighbour.h); nil for other messages.
func neighbourState(_ message: Message) -> Int32? {
    guard message.type == RTM_NEWNEIGH, let header = message.header(ndmsg.self),
        Int32(header.ndm_family) == AF_INET6
    else { return nil }
    return Int32(header.ndm_state)
}

/// What RTM_NEWNEIGH says that an address is reached at (NDA_LLADDR).
func neighbourMAC(_ message: Message) -> MACAddress? {
    for attribute in message.attributes(after: ndmsg.self) where attribute.type == Int(NDA_LLADDR) {
        return attribute.mac
    }
    return nil
}
