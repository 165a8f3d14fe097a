import Addressing
import NFTables
import NetworkModel

/// Everything that decides about the frames of one port, and the elements that say it to the kernel.
struct PortGuard {
    enum Role {
        /// Its addresses are checked.
        case guest
        /// May send router advertisements, DHCPv6 and others' packets; its MAC is checked.
        case gateway
        /// Of a segment without addresses of KC's: its MAC is checked.
        case layer2
        /// As `layer2`, and it is the gateway.
        case layer2Gateway
        /// An operator's interface: many MACs.
        case external
        case externalGateway
    }

    var name: InterfaceName
    var role: Role
    var vni: VNI
    var mac: MACAddress
    /// The segment's /64.
    var prefix: IPv6Prefix?
    /// What it may send from and be reached at.
    var addresses: Set<IPv6Address>
    var allowed: [IPv6Prefix]
    /// Whether it may take addresses for itself at all. How many is the agent's to watch: on a full port an address that
    /// is not in use gives way, and who asks for one too many is told so.
    var mayLearn: Bool
    /// Whether everything may come, whether members of the segment may.
    var admitsAll: Bool
    var admitsSegment: Bool
    /// The number of its policies' rules; nil when it has none.
    var profile: UInt32?
    var isFilteringEgress: Bool
    var limits: AttachmentLimits
    /// nil on segments without IPv4.
    var ipv4: IPv4?

    /// What every port may do at most, unless its limits say otherwise: enough for a guest with hundreds of neighbours.
    static let ndPerSecond: UInt64 = 100
    static let multicastPerSecond: UInt64 = 1000
    static let newFlowsPerSecond: UInt64 = 1000
    static let newFlowBurst: UInt64 = 4096

    private static let linkLocal = IPv6Address(high: 0xfe80 << 48, low: 0)

    var elements: [GuardElement] {
        var elements = ElementCollector(port: .interface(name))
        elements.add(.ready, elements.port)
        switch role {
        case .external: external(isLimitedOut ? .limitedExternal : .external, &elements)
        case .externalGateway: external(isLimitedOut ? .limitedGateway : .gateway, &elements)
        case .guest: guest(&elements)
        case .gateway: gateway(&elements)
        case .layer2: layer2(&elements)
        case .layer2Gateway:
            gateway(&elements)
            layer2(&elements)
        }
        if role != .external, role != .externalGateway {
            elements.add(.macs, elements.port, .number(mac.value))
            elements.add(.segments, elements.port, value: .mark(vni.value))
            receiving(&elements)
            addIPv4(to: &elements)
            rates(&elements)
        }
        return elements.all
    }

    /// The source MAC and the ethertype of IPv6 in one number, as rules read them.
    private var macAndIPv6: FieldValue { .number(mac.value << 16 | 0x86dd) }

    var isLimitedOut: Bool {
        limits.outward.bandwidth != nil || limits.outward.packetsPerSecond != nil
    }

    private var isLimitedIn: Bool { limits.inward.bandwidth != nil || limits.inward.packetsPerSecond != nil }

    /// What is behind it is not KC's: no limits but those that were asked for.
    private func external(_ way: Way, _ elements: inout ElementCollector) {
        elements.add(.externals, elements.port, value: way.value)
        if isLimitedIn {
            for mark in [KCRuleset.FrameMark.member, KCRuleset.FrameMark.outside] {
                elements.add(.to, .number(UInt64(mark)), elements.port, value: Way.limitedDeliver.value)
            }
        }
        elements.limit(.ndRate, limits.outward.ndPerSecond, bursts: 2)
        elements.limit(.multicastRate, limits.outward.multicastPerSecond, bursts: 2)
        volumes(&elements)
    }

    private func gateway(_ elements: inout ElementCollector) {
        elements.add(.ports, elements.port, macAndIPv6, value: Way.gateway.value)
        guard role == .gateway, let prefix else { return }
        elements.add(.onLink, elements.port, .number(prefix.address.high))
        // With the anycast address of all routers (RFC 4291 section 2.6.1).
        for address in addresses.union([prefix.address]) {
            elements.add(.targets, elements.port, .number(address.high), .number(address.low))
        }
    }

    /// Whether what it begins is written down though anybody may answer: new flows are counted where they are.
    var countsFlows: Bool { limits.outward.newFlowsPerSecond != nil }

    private func layer2(_ elements: inout ElementCollector) {
        let way: Way =
            switch (isFilteringEgress, (admitsAll || admitsSegment) && !countsFlows, isLimitedOut) {
            case (true, _, false): .layer2Filtered
            case (true, _, true): .limitedLayer2Filtered
            case (false, true, false): .layer2Open
            case (false, true, true): .limitedLayer2Open
            case (false, false, false): .layer2Tracked
            case (false, false, true): .limitedLayer2Tracked
            }
        elements.add(.layer2, elements.port, .number(mac.value), value: way.value)
    }

    private func guest(_ elements: inout ElementCollector) {
        let way: Way =
            switch (isFilteringEgress, admitsAll && !countsFlows, isLimitedOut) {
            case (true, _, false): .filtered
            case (true, _, true): .limitedFiltered
            case (false, true, false): .open
            case (false, true, true): .limitedOpen
            case (false, false, false): .tracked
            case (false, false, true): .limitedTracked
            }
        elements.add(.ports, elements.port, macAndIPv6, value: Way.guest.value)
        for address in addresses {
            elements.add(.own, elements.port, macAndIPv6, .address(address), value: way.value)
            elements.add(.targets, elements.port, .number(address.high), .number(address.low))
            if !isLimitedOut { fast(address, &elements) }
        }
        if mayLearn {
            elements.add(.claimable, elements.port, .number(Self.linkLocal.high))
            if let prefix { elements.add(.claimable, elements.port, .number(prefix.address.high)) }
        }
        for range in AllowedSources.ranges(allowed, outside: prefix) {
            elements.box(
                .allowed, .only(elements.port), ClosedBound(.address(range.first), .address(range.last)),
                value: way.value)
            for half in range.halves {
                elements.box(.allowedTargets, .only(elements.port), .numbers(half.high), .numbers(half.low))
            }
        }
    }

    /// Towards the segment's own networks, whose members need no record to answer (or else one is made).
    private func fast(_ address: IPv6Address, _ elements: inout ElementCollector) {
        let way: Way =
            isFilteringEgress
            ? .insideFiltered : (admitsAll || admitsSegment) && !countsFlows ? .inside : .insideTracked
        for network in [Self.linkLocal.high] + (prefix.map { [$0.address.high] } ?? []) {
            elements.add(
                .fast, elements.port, macAndIPv6, .address(address), .number(network), value: way.value)
        }
    }

    private func receiving(_ elements: inout ElementCollector) {
        let open: Way = isLimitedIn ? .limitedDeliver : .deliver
        let members: Way = role == .gateway && prefix != nil && !isLimitedIn ? .router : open
        let looking: Way = isLimitedIn ? .limitedOutside : .outside
        // Without addresses nobody can tell a member from others.
        let isBare = role == .layer2 || role == .layer2Gateway
        elements.add(
            .to, .number(UInt64(KCRuleset.FrameMark.member)), elements.port,
            value: (admitsAll || admitsSegment ? members : looking).value)
        elements.add(
            .to, .number(UInt64(KCRuleset.FrameMark.outside)), elements.port,
            value: (admitsAll || isBare && admitsSegment ? open : looking).value)
        if admitsSegment, !admitsAll {
            elements.add(.admitted, elements.port, .number(Self.linkLocal.high))
            if let prefix { elements.add(.admitted, elements.port, .number(prefix.address.high)) }
        }
        if let profile {
            if !admitsAll { elements.add(.ingressProfiles, elements.port, value: .mark(profile)) }
            if isFilteringEgress { elements.add(.egressProfiles, elements.port, value: .mark(profile)) }
        }
    }

    private func rates(_ elements: inout ElementCollector) {
        if role != .gateway {
            elements.limit(.ndRate, limits.outward.ndPerSecond ?? Self.ndPerSecond, bursts: 2)
            elements.limit(.multicastRate, limits.outward.multicastPerSecond ?? Self.multicastPerSecond, bursts: 2)
            elements.limit(.flowRateOut, limits.outward.newFlowsPerSecond ?? Self.newFlowsPerSecond, bursts: 4)
        }
        elements.limit(.flowRateIn, Self.newFlowsPerSecond, bursts: 4)
        volumes(&elements)
    }

    private func volumes(_ elements: inout ElementCollector) {
        elements.limit(.packetRateOut, limits.outward.packetsPerSecond, bursts: 1)
        elements.limit(.packetRateIn, limits.inward.packetsPerSecond, bursts: 1)
        // The kernel lets a second's worth of bytes through beside the burst (nft_limit_init, net/netfilter/nft_limit.c).
        elements.limit(.byteRateOut, limits.outward.bandwidth.map { $0 / 8 }, bursts: 0)
        elements.limit(.byteRateIn, limits.inward.bandwidth.map { $0 / 8 }, bursts: 0)
    }
}

/// Elements while they are being collected.
struct ElementCollector {
    let port: FieldValue
    /// Each once.
    private(set) var all: [GuardElement] = []

    init(port: FieldValue) { self.port = port }

    mutating func add(_ set: GuardSet, _ parts: FieldValue..., value: Element.Value = .none) {
        all.append(GuardElement(set, Element(key: set.set.key(parts), value: value)))
    }

    mutating func box(_ set: GuardSet, _ parts: ClosedBound..., value: Element.Value = .none) {
        let named = set.set
        all.append(
            GuardElement(
                set,
                Element(key: named.key(parts.map(\.first)), end: named.key(parts.map(\.last)), value: value)))
    }

    /// - Parameter bursts: how many seconds' worth may come at once.
    mutating func limit(_ set: GuardSet, _ rate: UInt64?, bursts: UInt64) {
        guard var rate, let unit = set.set.limited else { return }
        // A burst of bytes holds some of the largest frames that a guest sends at once (64 KiB before segmentation).
        let least: UInt64 = unit == .bytes ? 1 << 18 : 1
        if unit == .bytes { rate = min(rate, Limit.mostBytes - least) }
        let burst = UInt32(clamping: max(least, rate.multipliedReportingOverflow(by: bursts).partialValue))
        all.append(
            GuardElement(
                set,
                Element(
                    key: set.set.key([port]),
                    limit: Limit(rate, burst: burst, of: unit, isOver: true))))
    }
}
