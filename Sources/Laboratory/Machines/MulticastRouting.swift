package import Addressing

/// The configuration of smcrouted (SMCRoute 2.5, smcroute.conf(5)) of one router: every group of VXLAN goes from each leg
/// to all others. The links are a tree, so no packet runs in a circle.
package enum MulticastRouting {
    package static func configuration(
        of router: UnderlayRouter, groups: MulticastGroups = .standard
    ) -> String {
        let legs = router.legs.map(\.interface.text)
        let range = range(of: groups)
        var lines = legs.map { "phyint \($0) enable ttl-threshold 1" }
        // The join on each leg is needed as soon as a querier on the link makes the switch prune.
        lines += legs.map { "mgroup from \($0) group \(range)" }
        lines += legs.map { leg in
            "mroute from \(leg) group \(range) to \(legs.filter { $0 != leg }.joined(separator: " "))"
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The smallest prefix that holds all groups.
    private static func range(of groups: MulticastGroups) -> String {
        let count = max(UInt64(groups.count), 1)
        let last = groups.base.low + count - 1
        let length = 64 + (groups.base.low ^ last).leadingZeroBitCount
        return IPv6Prefix(containing: groups.base, length: length).description
    }
}
