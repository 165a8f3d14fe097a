import Addressing

/// IPv6 addresses from one to another, both included.
struct AddressRange: Hashable {
    var first: IPv6Address
    var last: IPv6Address

    static let all = AddressRange(first: .unspecified, last: IPv6Address(high: .max, low: .max))

    init(first: IPv6Address, last: IPv6Address) {
        self.first = first
        self.last = last
    }

    init(_ prefix: IPv6Prefix) { self.init(first: prefix.address, last: prefix.last) }

    func contains(_ other: AddressRange) -> Bool { first <= other.first && other.last <= last }

    /// What both have; nil for nothing.
    func intersection(_ other: AddressRange) -> AddressRange? {
        let common = (max(first, other.first), min(last, other.last))
        return common.0 <= common.1 ? AddressRange(first: common.0, last: common.1) : nil
    }

    /// What is left of it without another: at most two ranges.
    func subtracting(_ other: AddressRange) -> [AddressRange] {
        guard other.first <= last, first <= other.last else { return [self] }
        var rest: [AddressRange] = []
        if first < other.first, let before = other.first.predecessor {
            rest.append(AddressRange(first: first, last: before))
        }
        if other.last < last, let after = other.last.successor { rest.append(AddressRange(first: after, last: last)) }
        return rest
    }

    /// The same as boxes of upper and lower halves: at most three.
    var halves: [(high: ClosedRange<UInt64>, low: ClosedRange<UInt64>)] {
        if first.high == last.high { return [(first.high...first.high, first.low...last.low)] }
        var boxes: [(high: ClosedRange<UInt64>, low: ClosedRange<UInt64>)] = []
        var (from, to) = (first.high, last.high)
        if first.low != 0 {
            boxes.append((from...from, first.low...UInt64.max))
            from += 1
        }
        if last.low != .max {
            boxes.append((to...to, 0...last.low))
            to -= 1
        }
        if from <= to { boxes.append((from...to, 0...UInt64.max)) }
        return boxes
    }
}

extension IPv6Address {
    /// The next higher; nil after the highest.
    var successor: IPv6Address? {
        if low != .max { return IPv6Address(high: high, low: low + 1) }
        return high == .max ? nil : IPv6Address(high: high + 1, low: 0)
    }

    /// The next lower; nil before the lowest.
    var predecessor: IPv6Address? {
        if low != 0 { return IPv6Address(high: high, low: low - 1) }
        return high == 0 ? nil : IPv6Address(high: high - 1, low: .max)
    }
}

/// What an attachment may send from beside its own addresses.
enum AllowedSources {
    /// The prefixes without what no prefix ever allows: unspecified, multicast, link-local and the segment's own
    /// addresses, unless a prefix lies wholly inside of those last two.
    static func ranges(_ prefixes: [IPv6Prefix], outside segment: IPv6Prefix?) -> [AddressRange] {
        let never = [
            AddressRange(first: .unspecified, last: .loopback),
            AddressRange(
                first: IPv6Address(high: 0xff << 56, low: 0), last: IPv6Address(high: .max, low: .max)),
        ]
        let linkLocal = AddressRange(
            first: IPv6Address(high: 0xfe80 << 48, low: 0), last: IPv6Address(high: 0xfebf_ffff_ffff_ffff, low: .max))
        let own = [linkLocal] + (segment.map { [AddressRange($0)] } ?? [])
        return prefixes.flatMap { prefix in
            let range = AddressRange(prefix)
            let apart = own.filter { !($0.first <= range.first && range.last <= $0.last) }
            return (never + apart).reduce([range]) { ranges, hole in ranges.flatMap { $0.subtracting(hole) } }
        }
    }
}
