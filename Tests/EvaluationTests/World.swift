import Addressing
import NFTables
import NetworkPlanning

/// One bridge with a port of every kind, and the elements that their attachments mean. All on one bridge, also those
/// of different kinds of segments: what the guard lets through is what a neighbour gets.
struct World {
    /// A device of the bridge; its peer is `peer`, where frames are sent and heard.
    struct Port {
        enum Kind: CaseIterable {
            /// In-segment traffic freely, from outside only answers: the default policy.
            case member
            /// Everything in.
            case open
            /// Rules in both directions.
            case ruled
            /// A segment without addresses of ours.
            case layer2
            case gateway
            /// No elements yet.
            case unready
            /// May send a prefix of others.
            case router
            case tunnel
            case external
        }

        var kind: Kind
        var name: InterfaceName
        var peer: String
        var mac: MACAddress
        var addresses: [IPv6Address]
        /// nil: its segment has no IPv4.
        var ipv4: IPv4Address?
        /// Of the kernel, once the devices are there.
        var index: UInt32 = 0

        var linkLocal: IPv6Address { .linkLocal(mac) }
        var interface: FrameEvaluator.Interface { .init(name, index: index) }
    }

    var ports: [Port]
    /// Whether guests have limits, all of them low and with next to no refill.
    var isLimited = false

    var hasIPv4: Bool { ports.contains { $0.ipv4 != nil } }

    static let bridge = "kcb000001"
    static let bridgeMAC = MACAddress(0x0200_0000_00b0)
    static let vni: UInt32 = 0x12c
    static let segment = IPv6Address(high: 0xfd01_0000_0000_0000, low: 0)
    /// A /64 that one port takes everything from.
    static let friendly = IPv6Address(high: 0x2001_0db8_0000_0001, low: 0)
    /// What the router's port may send from.
    static let routed = IPv6Address(high: 0x2001_0db8_0000_0077, low: 0)
    static let elsewhere = IPv6Address(high: 0x2001_0db8_00ff_0000, low: 9)
    /// Held by an attachment of another host.
    static let heldElsewhere = IPv6Address(high: segment.high, low: 0xbeef)

    init() throws {
        ports = []
        let kinds: [(Port.Kind, String)] = [
            (.member, "kctmember1"), (.member, "kctmember2"), (.open, "kctopen"), (.ruled, "kctruled"),
            (.layer2, "kctlayer2"), (.gateway, "kctgateway"), (.unready, "kctunready"), (.router, "kctrouter"),
            (.tunnel, "kcx00012c"), (.external, "ext0"),
        ]
        for (number, (kind, name)) in kinds.enumerated() {
            let mac = MACAddress(0x0200_0000_0001 + UInt64(number))
            var addresses = [IPv6Address(high: Self.segment.high, low: UInt64(number + 1)), .linkLocal(mac)]
            if kind == .gateway { addresses = [.segmentRouter, IPv6Address(high: Self.segment.high, low: 0xffff)] }
            ports.append(
                Port(kind: kind, name: try InterfaceName(name), peer: "peer\(number)", mac: mac, addresses: addresses))
        }
    }

    // MARK: Elements

    private typealias S = KCRuleset.Sets

    var elements: [Elements] {
        var all: [NamedSet: [Element]] = [:]
        for port in ports { add(port, &all) }
        for address in ports.flatMap(\.addresses) + [Self.heldElsewhere] {
            all[S.held, default: []].append(
                S.held.element(.number(UInt64(Self.vni)), .number(address.high), .number(address.low)))
        }
        rules(&all)
        return all.map { set, values in Elements(.bridge, KCRuleset.table, set, values) }
    }

    private func add(_ port: Port, _ all: inout [NamedSet: [Element]]) {
        func put(_ set: NamedSet, _ element: Element) { all[set, default: []].append(element) }
        let name = FieldValue.interface(port.name)
        let mac = FieldValue.number(port.mac.value)
        let key = FieldValue.number(port.mac.value << 16 | 0x86dd)
        let member = FieldValue.number(UInt64(KCRuleset.FrameMark.member))
        let outside = FieldValue.number(UInt64(KCRuleset.FrameMark.outside))
        func to(_ fromMembers: Way, _ fromOutside: Way) {
            put(S.to, S.to.element(member, name, value: fromMembers.value))
            put(S.to, S.to.element(outside, name, value: fromOutside.value))
        }
        /// What every guest in a segment with addresses has.
        func guest(_ way: Way, fast: Way?) {
            if isLimited {
                for (set, burst) in [
                    (S.ndRate, 3), (S.multicastRate, 4), (S.flowRateOut, 3), (S.flowRateIn, 3),
                    (S.packetRateOut, 6), (S.packetRateIn, 12),
                ] as [(NamedSet, UInt32)] {
                    put(set, set.element(name, limit: Limit(1, burst: burst, isOver: true)))
                }
                for set in [S.byteRateOut, S.byteRateIn] {
                    put(set, set.element(name, limit: Limit(1, burst: 500, of: .bytes, isOver: true)))
                }
            }
            put(S.ready, S.ready.element(name))
            put(S.ports, S.ports.element(name, key, value: Way.guest.value))
            put(S.macs, S.macs.element(name, mac))
            put(S.segments, S.segments.element(name, value: .mark(Self.vni)))
            for network in [Self.segment.high, 0xfe80 << 48] {
                put(S.claimable, S.claimable.element(name, .number(network)))
            }
            for address in port.addresses {
                put(S.own, S.own.element(name, key, .address(address), value: way.value))
                put(S.targets, S.targets.element(name, .number(address.high), .number(address.low)))
                guard let fast else { continue }
                for network in [Self.segment.high, 0xfe80 << 48] {
                    put(
                        S.fast,
                        S.fast.element(
                            name, key, .address(address), .number(network), value: fast.value))
                }
            }
        }
        switch port.kind {
        case .member:
            guest(.tracked, fast: .inside)
            to(.deliver, .outside)
        case .open:
            guest(isLimited ? .limitedOpen : .open, fast: isLimited ? nil : .inside)
            to(isLimited ? .limitedDeliver : .deliver, isLimited ? .limitedOutside : .deliver)
        case .ruled:
            guest(.filtered, fast: .insideFiltered)
            to(.outside, .outside)
            put(S.ingressProfiles, S.ingressProfiles.element(name, value: .mark(1)))
            put(S.egressProfiles, S.egressProfiles.element(name, value: .mark(2)))
            put(S.admitted, S.admitted.element(name, .number(Self.friendly.high)))
        case .router:
            guest(.open, fast: .inside)
            to(.deliver, .deliver)
            let last = IPv6Address(high: Self.routed.high, low: .max)
            put(
                S.allowed,
                S.allowed.box(
                    .only(name), ClosedBound(.address(Self.routed), .address(last)), value: Way.open.value))
            put(
                S.allowedTargets,
                S.allowedTargets.box(
                    .only(name), .only(.number(Self.routed.high)), .numbers(0...UInt64.max)))
        case .layer2:
            put(S.ready, S.ready.element(name))
            put(S.layer2, S.layer2.element(name, mac, value: Way.layer2Open.value))
            to(.deliver, .deliver)
        case .gateway:
            put(S.ready, S.ready.element(name))
            put(S.ports, S.ports.element(name, key, value: Way.gateway.value))
            put(S.macs, S.macs.element(name, mac))
            put(S.segments, S.segments.element(name, value: .mark(Self.vni)))
            put(S.onLink, S.onLink.element(name, .number(Self.segment.high)))
            for address in port.addresses {
                put(S.targets, S.targets.element(name, .number(address.high), .number(address.low)))
            }
            to(.router, .deliver)
        case .unready: break
        case .tunnel:
            put(S.segments, S.segments.element(name, value: .mark(Self.vni)))
            put(S.gateways, S.gateways.element(name, .number(port.mac.value)))
        case .external:
            put(S.externals, S.externals.element(name, value: (isLimited ? Way.limitedExternal : .external).value))
            guard isLimited else { return }
            to(.limitedDeliver, .limitedDeliver)
            let limits: [(NamedSet, UInt32)] = [(S.packetRateOut, 8), (S.packetRateIn, 14), (S.multicastRate, 4)]
            for (set, burst) in limits {
                put(set, set.element(name, limit: Limit(1, burst: burst, isOver: true)))
            }
        }
    }

    /// Profile 1 (in) and 2 (out) of the ruled port.
    private func rules(_ all: inout [NamedSet: [Element]]) {
        let allowed = KCRuleset.PolicyMark.allowed
        let everybody = ClosedBound(
            .address(.unspecified), .address(IPv6Address(high: .max, low: .max)))
        func box(
            _ set: NamedSet, _ profile: UInt64, _ number: UInt64, _ ports: ClosedRange<UInt64>, _ who: ClosedBound,
            _ mark: UInt32
        ) {
            all[set, default: []].append(
                set.box(
                    .only(.number(profile)), .only(.number(number)), .numbers(ports), who, value: .mark(mark)))
        }
        let segment = ClosedBound(
            .address(Self.segment), .address(IPv6Address(high: Self.segment.high, low: .max)))
        box(S.ingress, 1, 6, 22...22, segment, allowed | 1)
        box(S.ingress, 1, 6, 80...443, everybody, allowed | 2)
        box(S.ingress, 1, 17, 1000...2000, everybody, allowed | KCRuleset.PolicyMark.logged | 3)
        box(S.ingress, 1, 58, 0x8200...0x82ff, everybody, allowed | 4)
        box(S.egress, 2, 6, 0...65535, everybody, allowed | 5)
        box(S.egress, 2, 17, 53...53, everybody, allowed | 6)
        box(S.egress, 2, 17, 1000...1999, segment, allowed | 7)
    }
}
