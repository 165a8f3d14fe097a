package import Addressing

/// What was heard on an underlay interface for some seconds.
package struct UnderlayTraffic: Hashable, Sendable {
    /// Who sent MLD queries (RFC 3810 section 5.1).
    package var queriers: Set<IPv6Address>
    /// VXLAN frames that came in, by VNI.
    package var frames: [UInt32: Int]
    /// Stations that defended the address that was asked for as if it were free.
    package var holders: Set<MACAddress>
    /// UDP packets that this host dropped for their checksum meanwhile; nil when that is not known.
    package var wrongChecksums: Int?

    package init(
        queriers: Set<IPv6Address> = [], frames: [UInt32: Int] = [:], holders: Set<MACAddress> = [],
        wrongChecksums: Int? = nil
    ) {
        self.wrongChecksums = wrongChecksums
        self.queriers = queriers
        self.frames = frames
        self.holders = holders
    }
}

/// What the traffic of an underlay interface says of the network behind it.
package struct UnderlayTrafficCheck: Sendable {
    package var traffic: UnderlayTraffic
    package var interface: InterfaceName
    package var vtep: IPv6Address
    /// VNIs that this host carries.
    package var wanted: Set<UInt32>
    /// For how long was listened; at least 1.
    package var seconds: Int
    package var usesMulticast: Bool

    package init(
        _ traffic: UnderlayTraffic, interface: InterfaceName, vtep: IPv6Address, wanted: Set<UInt32>, seconds: Int,
        usesMulticast: Bool
    ) {
        self.traffic = traffic
        self.interface = interface
        self.vtep = vtep
        self.wanted = wanted
        self.seconds = max(1, seconds)
        self.usesMulticast = usesMulticast
    }

    /// The default of RFC 3810 section 9.2, and some time for the query to come.
    package static let queryInterval = 130
    /// A host that takes in more frames of others than this each second pays for it.
    static let manyUnwanted = 1000

    package var checks: [Check] {
        [duplicate, unwanted] + [checksums].compactMap { $0 } + (usesMulticast ? [querier] : [])
    }

    private var checksums: Check? {
        guard let wrong = traffic.wrongChecksums else { return nil }
        guard wrong > 0 else {
            return Check(.ok, "checksums", "no UDP packet with a wrong checksum came in within \(seconds) s")
        }
        return Check(
            .fail, "checksums", "\(wrong) UDP packets with wrong checksums came in within \(seconds) s",
            why:
                "a network card computes checksums of tunnelled packets wrongly, here or where they come from: what it is "
                + "left to compute is lost, mostly large transfers",
            next: "ethtool -K \(interface) rx off here; if they still come, at the other hosts: "
                + "ethtool -K IFACE tx-udp_tnl-segmentation off tx-udp_tnl-csum-segmentation off tx off")
    }

    private var duplicate: Check {
        guard let other = traffic.holders.min() else {
            return Check(.ok, "duplicate", "nobody else on \(interface) has \(vtep)")
        }
        return Check(
            .fail, "duplicate", "\(other) on the link of \(interface) has the address \(vtep), too",
            why: "frames for this host go to either of the two, as their neighbour entries have it",
            next:
                "give one of the two another address: kcnet host update NAME --vtep ADDRESS; a cloned machine must join "
                + "anew: `kcd join`")
    }

    private var unwanted: Check {
        let others = traffic.frames.filter { !wanted.contains($0.key) }
        let count = others.values.reduce(0, +)
        let rate = count / seconds
        let what = "\(rate) frames a second of segments that are not on this host (\(count) in \(seconds) s)"
        guard rate >= Self.manyUnwanted else { return Check(.ok, "unwanted", what) }
        let worst = others.max { ($0.value, $1.key) < ($1.value, $0.key) }.map { String($0.key, radix: 16) } ?? ""
        return Check(
            .warn, "unwanted", "\(what), most of them of VNI \(worst)",
            why: "segments that share a multicast group get each other's floods, and the kernel looks at each frame",
            next: "have more groups: kcnet underlay update default --group-count 1024, or give the loud segment "
                + "--replication unicast")
    }

    private var querier: Check {
        if !traffic.queriers.isEmpty {
            let names = traffic.queriers.sorted().map { "\($0)" }.joined(separator: ", ")
            return Check(.ok, "querier", "\(names) asks for multicast listeners on \(interface)")
        }
        guard seconds >= Self.queryInterval else {
            return Check(
                .ok, "querier",
                "no MLD query within \(seconds) s, which says nothing: they come every 125 s (--listen \(Self.queryInterval))"
            )
        }
        return Check(
            .warn, "querier", "no MLD query within \(seconds) s on \(interface)",
            why: "a switch that snoops forgets who listens to a group when nobody asks, and then floods or drops it",
            next: "have the switch or the router of this link ask (an MLD querier), or switch snooping off there")
    }
}
