import Addressing
import NFTables
import NetworkModel
import Resources
import Testing

@testable import NetworkPlanning

/// The ports of ``World`` as attachments of a host's snapshot, and the elements that the planner makes of them.
struct PlannedWorld {
    var world: World
    private var desired: HostSnapshot
    /// Ports that are not to be open.
    private var unready: Set<InterfaceName> = []

    /// - Parameter ipv4: of the segment.
    init(ipv4: SegmentIPv4? = nil) throws {
        world = try World()
        let host = try Self.id(9, 1)
        let other = try Self.id(9, 2)
        desired = HostSnapshot(
            revision: Revision(1),
            host: HostIdentity(
                id: host, name: try #require(Name("h1")), vtep: World.elsewhere, interface: try InterfaceName("eth0"),
                generation: 1),
            underlay: Underlay.Spec(mtu: try MTU(1500)))
        let prefix = try IPv6Prefix(parsing: "fd01::/64")
        let gateways = world.ports.filter { $0.kind == .gateway || $0.kind == .tunnel }.map(\.mac)
        for (number, ipam) in [(1, IPAM.automatic), (2, .none)] {
            desired.segments[try Self.id(1, number)] = DesiredSegment(
                id: try Self.id(1, number), generation: 1, vni: try VNI(Int(World.vni) + number - 1),
                group: MulticastGroups.standard.base, mtu: try MTU(1430), ipam: ipam,
                prefix: ipam == .none ? nil : prefix, replication: .multicast,
                gateways: number == 1 ? gateways : [], ipv4: number == 1 ? ipv4 : nil)
        }
        let policy = try Self.id(3, 1)
        let friends = PolicyPeer.prefix(try IPv6Prefix(parsing: "2001:db8:0:1::/64"))
        desired.policies[policy] = DesiredPolicy(
            id: policy, generation: 1,
            ingress: [
                PolicyRule(.tcp, ports: [try Self.ports(22, 22)], peers: [.prefix(prefix)]),
                PolicyRule(.tcp, ports: [try Self.ports(80, 443)]),
                PolicyRule(.udp, ports: [try Self.ports(1000, 2000)], log: true), PolicyRule(.any, peers: [friends]),
                PolicyRule(.any, peers: [.prefix(try IPv4Prefix(parsing: "10.0.0.0/30").mapped)]),
            ],
            egress: [
                PolicyRule(.tcp), PolicyRule(.udp, ports: [try Self.ports(53, 53)]), PolicyRule(.esp),
            ])
        for (number, port) in world.ports.enumerated() {
            guard port.kind != .tunnel else { continue }
            let id = try Self.id(2, number + 1)
            let policies: [PolicyUse] =
                switch port.kind {
                case .member, .unready: [.builtIn(.allowSegment)]
                case .ruled: [.policy(policy)]
                default: [.builtIn(.allowAll)]
                }
            let isGuest = ![.layer2, .external, .gateway].contains(port.kind)
            let attachment = DesiredAttachment(
                id: id, generation: 1, segment: try Self.id(1, port.kind == .layer2 ? 2 : 1), mac: port.mac,
                addresses: port.addresses.map { AttachmentAddress($0, origin: .assigned) },
                port: port.kind == .external ? .external(port.name) : .tap, policies: policies,
                allowedAddresses: port.kind == .router ? [try IPv6Prefix(parsing: "2001:db8:0:77::/64")] : [],
                // So many that none of them is reached: limits have a test of their own.
                // Whose new flows are limited has them all written down.
                limits: AttachmentLimits(
                    out: .init(
                        newFlowsPerSecond: port.kind == .ruled || number.isMultiple(of: 3) ? 1_000_000 : nil,
                        multicastPerSecond: 1_000_000, ndPerSecond: 1_000_000)),
                ipv4: isGuest ? ipv4.map { IPv4Address($0.router.value + UInt32(number) + 1) } : nil)
            desired.attachments[id] = attachment
            world.ports[number].name = attachment.portName
            world.ports[number].ipv4 = attachment.ipv4 ?? (port.kind == .gateway ? ipv4?.router : nil)
            if port.kind == .unready { unready.insert(attachment.portName) }
            guard port.kind != .layer2, port.kind != .external else { continue }
            for address in port.addresses {
                desired.bindings[try Self.id(1, 1), default: [:]][address] = Binding(
                    address: address, attachment: id, host: host, origin: .assigned, since: Revision(1))
            }
        }
        desired.bindings[try Self.id(1, 1), default: [:]][World.heldElsewhere] = Binding(
            address: World.heldElsewhere, attachment: try Self.id(2, 99), host: other, origin: .learned,
            since: Revision(1))
    }

    var elements: [Elements] {
        let observed = ObservedHost()
        let context = PlanContext(
            desired: desired, observed: observed, wanted: DesiredIndex(desired), seen: ObservedIndex(observed),
            structure: KCRuleset.structure(vxlanPort: 4789))
        let open = desired.attachments.values.filter { !unready.contains($0.portName) }
        var sets: [GuardSet: [Element]] = [:]
        for element in context.filterContent(opening: Array(open)).elements where element.set.family == .bridge {
            sets[element.set, default: []].append(element.element)
        }
        return sets.map { Elements(.bridge, KCRuleset.table, $0.key.set, $0.value) }
    }

    private static func id(_ kind: Int, _ number: Int) throws -> ResourceID {
        func hex(_ value: Int) -> String { (value < 16 ? "0" : "") + String(value, radix: 16) }
        return try #require(ResourceID("\(hex(kind))00\(hex(number))00-0000-4000-8000-000000000000"))
    }

    private static func ports(_ first: UInt16, _ last: UInt16) throws -> PortRange {
        try #require(PortRange(first, last))
    }
}
