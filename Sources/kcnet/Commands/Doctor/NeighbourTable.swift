import Commands
import Diagnosis

/// Reads the kernel's table of IPv6 neighbours: its limits and how full it is.
enum NeighbourTable {
    static func look(routed: Int, guests: Int) -> NeighbourTableCheck {
        let values = (1...3).map { ProcFile.number("/proc/sys/net/ipv6/neigh/default/gc_thresh\($0)") }
        var thresholds: NeighbourTableCheck.Thresholds?
        if let least = values[0], let soft = values[1], let hard = values[2] {
            thresholds = .init(least: least, soft: soft, hard: hard)
        }
        let counts = ProcFile.text("/proc/net/stat/ndisc_cache").map(Self.counts)
        return NeighbourTableCheck(
            thresholds: thresholds, entries: counts?["entries"], refusals: counts?["table_fulls"], routed: routed,
            guests: guests)
    }

    /// A line of names, and one of hexadecimal numbers for each processor. Each has all entries, and its own part of what
    /// happened (neigh_stat_seq_show, net/core/neighbour.c).
    private static func counts(_ text: String) -> [String: Int] {
        let lines = text.split(separator: "\n").map { $0.split(whereSeparator: \.isWhitespace).map(String.init) }
        guard let names = lines.first else { return [:] }
        var counts: [String: Int] = [:]
        for line in lines.dropFirst() {
            for (name, word) in zip(names, line) {
                guard let value = Int(word, radix: 16) else { continue }
                counts[name] = name == "entries" ? value : counts[name, default: 0] + value
            }
        }
        return counts
    }
}
