/// Whether the kernel's table of IPv6 neighbours, one for all namespaces of a machine, has room for those of a host.
package struct NeighbourTableCheck: Sendable {
    /// net.ipv6.neigh.default.gc_thresh1, 2 and 3 (Documentation/networking/ip-sysctl.rst). nil when they cannot be read.
    package struct Thresholds: Hashable, Sendable {
        /// Below it nothing is thrown out.
        package var least: Int
        /// Above it each new entry may throw out those that are older than 5 s.
        package var soft: Int
        /// No more than these.
        package var hard: Int

        package init(least: Int, soft: Int, hard: Int) {
            self.least = least
            self.soft = soft
            self.hard = hard
        }
    }

    package var thresholds: Thresholds?
    /// Entries now, and how often there was no room for another one since the machine started (`table_fulls`, one of
    /// /proc/net/stat/ndisc_cache); nil when they cannot be read.
    package var entries: Int?
    package var refusals: Int?
    /// Attachments of segments that gateways of this host route: each has a link-local and a global address in the
    /// gateway's namespace.
    package var routed: Int
    /// Attachments in namespaces of this host, each with neighbours of its own.
    package var guests: Int

    package init(thresholds: Thresholds?, entries: Int?, refusals: Int?, routed: Int, guests: Int) {
        self.thresholds = thresholds
        self.entries = entries
        self.refusals = refusals
        self.routed = routed
        self.guests = guests
    }

    /// What the host itself and its underlay need.
    static let others = 256
    static let entriesPerRouted = 2
    /// Its router by two addresses, and some peers.
    static let entriesPerGuest = 4

    /// The most that this host may need at once.
    var need: Int { Self.others + routed * Self.entriesPerRouted + guests * Self.entriesPerGuest }

    package var check: Check {
        let name = "neighbours"
        guard let thresholds else {
            // Only the first network namespace of a machine shows it.
            return Check(
                .warn, name, "net.ipv6.neigh.default.gc_thresh1 to 3 cannot be read",
                why: "one table holds the neighbours of all namespaces of a machine",
                next: "run this in the machine's own network namespace")
        }
        let now = entries.map { ", \($0) are there now" } ?? ""
        let users = "\(routed) attachments behind gateways here and \(guests) in namespaces here may need \(need)"
        let limits = "\(thresholds.least), \(thresholds.soft), \(thresholds.hard)"
        // The count never goes down again: it may be of a time long past.
        if let refusals, refusals > 0 {
            return Check(
                .warn, name,
                "the table of IPv6 neighbours (at most \(thresholds.hard)) was full \(refusals) times\(now)",
                why: "packets to neighbours that found no room were dropped", next: mend(thresholds))
        }
        if thresholds.hard < need {
            return Check(
                .warn, name, "\(thresholds.hard) IPv6 neighbours fit, and \(users)\(now)",
                why: "packets to neighbours that find no room in the kernel's table are dropped", next: mend(thresholds)
            )
        }
        if thresholds.soft < need {
            return Check(
                .warn, name, "above \(thresholds.soft) IPv6 neighbours are thrown out after 5 s, and \(users)\(now)",
                why: "they are asked for again and again, by multicast, and the first packets to each wait",
                next: mend(thresholds))
        }
        return Check(.ok, name, "gc_thresh1 to 3 are \(limits); \(users)\(now)")
    }

    /// With room for twice as many; never less than is set.
    private func mend(_ thresholds: Thresholds) -> String {
        let wanted = max(need, entries ?? 0)
        let values = [
            max(thresholds.least, wanted / 2), max(thresholds.soft, wanted), max(thresholds.hard, wanted * 2),
        ]
        return values.enumerated().map { "sysctl -w net.ipv6.neigh.default.gc_thresh\($0 + 1)=\($1)" }
            .joined(separator: "; ") + ", and write them to /etc/sysctl.d/"
    }
}
