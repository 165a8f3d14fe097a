import Addressing
import NFTables
import NetworkModel

/// Rules as boxes of protocol, port and address that do not overlap: what the kernel's interval sets take.
///
/// Rules overlap as users like; where they do, the one that lets most through counts: one without a rate before one
/// with, then one that logs, then the first. Boxes with the same answer grow together where they touch.
struct PolicyBoxes {
    /// A rule with its peers resolved.
    struct Rule: Hashable {
        var protocols: ClosedRange<UInt64>
        /// Destination ports; of ICMPv6 type and code.
        var ports: [ClosedRange<UInt64>]
        var peers: [AddressRange]
        /// What the map answers (`KCRuleset.PolicyMark`).
        var mark: UInt32
    }

    struct Box: Hashable {
        var protocols: ClosedRange<UInt64>
        var ports: ClosedRange<UInt64>
        var peers: AddressRange
        var mark: UInt32
    }

    private(set) var boxes: [Box] = []
    /// The same rules meet the same addresses in many cells.
    private var partitions: [[Int]: [Segment]] = [:]

    /// Addresses with one answer.
    private struct Segment: Hashable {
        var range: AddressRange
        var mark: UInt32
    }

    private struct Row: Hashable {
        var ports: ClosedRange<UInt64>
        var segments: [Segment]
    }

    /// - Parameter rules: the most important first.
    init(_ rules: [Rule]) {
        // Who names nobody cuts nothing: such rules have no pieces in `PolicySize`.
        let rules = rules.filter { !$0.peers.isEmpty }
        var layers: [(protocols: ClosedRange<UInt64>, rows: [Row])] = []
        for protocols in Self.cuts(rules.map(\.protocols)) {
            let active = rules.indices.filter { rules[$0].protocols.contains(protocols.lowerBound) }
            let rows = rows(rules, active)
            if rows.isEmpty { continue }
            if let last = layers.last, last.rows == rows, last.protocols.upperBound + 1 == protocols.lowerBound {
                layers[layers.count - 1].protocols = last.protocols.lowerBound...protocols.upperBound
            } else {
                layers.append((protocols, rows))
            }
        }
        for layer in layers {
            for row in layer.rows {
                for segment in row.segments {
                    boxes.append(
                        Box(
                            protocols: layer.protocols, ports: row.ports, peers: segment.range, mark: segment.mark))
                }
            }
        }
    }

    private mutating func rows(_ rules: [Rule], _ active: [Int]) -> [Row] {
        var rows: [Row] = []
        let spans = Self.cuts(active.flatMap { rules[$0].ports })
        let places = Dictionary(uniqueKeysWithValues: zip(spans.map(\.lowerBound), spans.indices))
        // Who holds which span, in order: a look at each rule's own spans, not at every rule for every span.
        var holders = [[Int]](repeating: [], count: spans.count)
        for rule in active {
            for range in rules[rule].ports {
                guard let first = places[range.lowerBound] else { continue }
                let end = places[range.upperBound + 1] ?? spans.count
                for place in first..<end where holders[place].last != rule { holders[place].append(rule) }
            }
        }
        for (ports, here) in zip(spans, holders) where !here.isEmpty {
            let segments: [Segment]
            if let known = partitions[here] {
                segments = known
            } else {
                segments = Self.partition(here.map { (rules[$0].peers, rules[$0].mark) })
                partitions[here] = segments
            }
            if segments.isEmpty { continue }
            if let last = rows.last, last.segments == segments, last.ports.upperBound + 1 == ports.lowerBound {
                rows[rows.count - 1].ports = last.ports.lowerBound...ports.upperBound
            } else {
                rows.append(Row(ports: ports, segments: segments))
            }
        }
        return rows
    }

    /// The pieces that the bounds of ranges cut their union into, in order.
    private static func cuts(_ ranges: [ClosedRange<UInt64>]) -> [ClosedRange<UInt64>] {
        let starts = Set(ranges.flatMap { [$0.lowerBound, $0.upperBound + 1] }).sorted()
        return zip(starts, starts.dropFirst()).map { $0...($1 - 1) }
    }

    /// Who has which addresses: each piece goes to the first that names it.
    private static func partition(_ claims: [(ranges: [AddressRange], mark: UInt32)]) -> [Segment] {
        var bounds: Set<IPv6Address> = []
        for range in claims.lazy.flatMap(\.ranges) {
            bounds.insert(range.first)
            if let next = range.last.successor { bounds.insert(next) }
        }
        let starts = bounds.sorted()
        let index = Dictionary(uniqueKeysWithValues: zip(starts, starts.indices))
        var owners = [UInt32?](repeating: nil, count: starts.count)
        // The next piece at or behind each that nobody has yet.
        var free = Array(0...starts.count)
        func nextFree(_ position: Int) -> Int {
            var root = position
            while free[root] != root { root = free[root] }
            var walk = position
            while free[walk] != root { (walk, free[walk]) = (free[walk], root) }
            return root
        }
        for claim in claims {
            for range in claim.ranges {
                guard let start = index[range.first] else { continue }
                let end = range.last.successor.flatMap { index[$0] } ?? starts.count
                var position = nextFree(start)
                while position < end {
                    owners[position] = claim.mark
                    free[position] = position + 1
                    position = nextFree(position + 1)
                }
            }
        }
        var segments: [Segment] = []
        for (position, owner) in owners.enumerated() {
            guard let mark = owner else { continue }
            let last =
                position + 1 < starts.count ? starts[position + 1].predecessor ?? .unspecified : AddressRange.all.last
            if let previous = segments.last, previous.mark == mark,
                previous.range.last.successor == starts[position]
            {
                segments[segments.count - 1].range.last = last
            } else {
                segments.append(
                    Segment(range: AddressRange(first: starts[position], last: last), mark: mark))
            }
        }
        return segments
    }
}
