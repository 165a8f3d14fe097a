package import Resources

/// How many pieces rules are cut into before a kernel gets them: for each span of ports (or ICMPv6 types) of each
/// protocol that no bound of any rule cuts, the peers of all rules that hold it.
///
/// It bounds what the rules cost a host, in time and in elements of its packet filter: at most two boxes come of a
/// piece. Counting looks at the rules and never makes a piece, so it is cheap for rules of millions, too.
package struct PolicySize: Hashable, Sendable {
    /// Of all rules together.
    package private(set) var pieces = 0
    /// The rule that has most of them: its place in the list.
    package private(set) var largest = 0

    /// - Parameters:
    ///   - rules: of one direction.
    ///   - members: how many addresses stand for a policy that rules name.
    package init(_ rules: [PolicyRule], members: (ResourceID) -> Int) {
        var shares = [Int](repeating: 0, count: rules.count)
        let peers = rules.map { $0.peerCount(members: members) }
        for protocols in Self.cuts(rules.map(\.protocolNumbers)) {
            let active = rules.indices.filter { rules[$0].protocolNumbers.contains(protocols) }
            let starts = Self.cuts(active.flatMap { rules[$0].portNumbers })
            for index in active where peers[index] > 0 {
                for ports in rules[index].portNumbers {
                    let spans =
                        Self.place(of: ports.upperBound + 1, in: starts) - Self.place(of: ports.lowerBound, in: starts)
                    shares[index] += spans * peers[index]
                }
            }
        }
        for (index, share) in shares.enumerated() {
            pieces += share
            if share > shares[largest] { largest = index }
        }
    }

    /// Where the bounds of ranges cut, in order.
    private static func cuts(_ ranges: [ClosedRange<UInt64>]) -> [UInt64] {
        Set(ranges.flatMap { [$0.lowerBound, $0.upperBound + 1] }).sorted()
    }

    /// How many cuts come before a value.
    private static func place(of value: UInt64, in cuts: [UInt64]) -> Int {
        var (low, high) = (0, cuts.count)
        while low < high {
            let middle = (low + high) / 2
            if cuts[middle] < value { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension PolicyRule {
    /// The protocols' numbers.
    package var protocolNumbers: ClosedRange<UInt64> {
        self.protocol.number.map { UInt64($0)...UInt64($0) } ?? 0...255
    }

    /// Of ICMPv6 type and code, as they stand in the packet.
    package var portNumbers: [ClosedRange<UInt64>] {
        if !ports.isEmpty { return ports.map { UInt64($0.first)...UInt64($0.last) } }
        if !types.isEmpty { return types.map { UInt64($0) << 8...UInt64($0) << 8 | 0xff } }
        return [0...65535]
    }

    /// Anyone is one peer; a policy is as many as it has members.
    fileprivate func peerCount(members: (ResourceID) -> Int) -> Int {
        guard let peers else { return 1 }
        return peers.reduce(0) { sum, peer in
            guard case .members(let policy) = peer, let id = policy.id else { return sum + 1 }
            return sum + members(id)
        }
    }
}
