import Addressing
import NFTables
import NetworkModel
import Resources
import SeededRandomness
import Testing

@testable import NetworkPlanning

/// Ports of one host with drawn policies, as attachments of its snapshot: six guests and a guest that is the router.
struct FlowWorld {
    var snapshot: HostSnapshot
    /// The router's port last.
    var attachments: [DesiredAttachment] = []
    var random: SeededGenerator

    static let prefix = IPv6Prefix(containing: IPv6Address(high: 0xfd01 << 48, low: 0), length: 64)
    static let outside = [
        IPv6Address(high: 0x2001_0db8_0000_0001, low: 5), IPv6Address(high: 0x2001_0db8_00ff_0000, low: 9),
    ]
    static let ports: [UInt16] = [22, 53, 80, 443, 546, 547, 1000, 1500, 2000]
    /// ICMP's: echo, errors, others.
    static let legacyTypes: [UInt8] = [0, 3, 5, 8, 8, 8, 9, 11, 12, 13, 42]
    static let types: [UInt8] = [1, 2, 3, 4, 100, 128, 128, 128, 129, 130, 133, 134, 135, 136, 137, 143, 160]

    init(_ random: SeededGenerator) throws {
        self.random = random
        snapshot = HostSnapshot(
            revision: Revision(1),
            host: HostIdentity(
                id: try Self.id(9, 1), name: try #require(Name("h1")), vtep: IPv6Address(high: 0xfd0a << 48, low: 1),
                interface: try InterfaceName("eth0"), generation: 1),
            underlay: Underlay.Spec(mtu: try MTU(1500)))
        let segment = try Self.id(1, 1)
        let count = 7
        let macs = (0..<count).map { MACAddress(0x0200_0000_0001 + UInt64($0)) }
        snapshot.segments[segment] = DesiredSegment(
            id: segment, generation: 1, vni: try VNI(0x12c), group: MulticastGroups.standard.base, mtu: try MTU(1430),
            ipam: .automatic, prefix: Self.prefix, replication: .multicast, gateways: [macs[count - 1]],
            ipv4: SegmentIPv4(prefix: try IPv4Prefix(parsing: "10.7.0.0/24")))
        for number in 1...4 {
            let id = try Self.id(3, number)
            snapshot.policies[id] = try drawPolicy(id)
        }
        for number in 0..<count {
            let isRouter = number == count - 1
            let attachment = DesiredAttachment(
                id: try Self.id(2, number + 1), generation: 1, segment: segment, mac: macs[number],
                addresses: [
                    AttachmentAddress(
                        IPv6Address(high: Self.prefix.address.high, low: UInt64(number + 1)), origin: .assigned)
                ], port: .tap, policies: isRouter ? [.builtIn(.allowAll)] : try drawPolicies(),
                allowedAddresses: !isRouter && self.random.chance(20)
                    ? [try IPv6Prefix(parsing: "2001:db8:0:77::/64")] : [],
                limits: AttachmentLimits(
                    out: .init(
                        // Whose new flows are limited has them all written down.
                        newFlowsPerSecond: self.random.chance(50) ? 1_000_000 : nil, multicastPerSecond: 1_000_000,
                        ndPerSecond: 100_000)),
                ipv4: IPv4Address(0x0a07_0002 + UInt32(number)))
            attachments.append(attachment)
            snapshot.attachments[attachment.id] = attachment
            for address in attachment.addresses.map(\.value) + [.linkLocal(attachment.mac)] {
                snapshot.bindings[segment, default: [:]][address] = Binding(
                    address: address, attachment: attachment.id, host: snapshot.host.id, origin: .assigned,
                    since: Revision(1))
            }
        }
        // Members of the policies that rules name.
        for id in snapshot.policies.keys {
            snapshot.members[id] = Set(
                attachments.filter { $0.policies.contains(.policy(id)) }.flatMap(\.addresses).map(\.value))
        }
    }

    var router: DesiredAttachment { attachments[attachments.count - 1] }

    /// The same elements as the agent puts into the kernel.
    var elements: [Elements] {
        let observed = ObservedHost()
        let context = PlanContext(
            desired: snapshot, observed: observed, wanted: DesiredIndex(snapshot), seen: ObservedIndex(observed),
            structure: KCRuleset.structure(vxlanPort: 4789))
        return KCRuleset.elements(context.filterContent(opening: attachments).elements).filter {
            $0.family == .bridge
        }
    }

    mutating func pick<Value>(_ values: [Value]) -> Value {
        values[Int.random(in: 0..<values.count, using: &random)]
    }

    private mutating func drawPolicies() throws -> [PolicyUse] {
        var policies: Set<PolicyUse> = []
        for _ in 0..<pick([1, 1, 2, 3]) {
            policies.insert(
                random.chance(35)
                    ? .builtIn(pick([.allowSegment, .allowSegment, .denyIn, .allowAll]))
                    : .policy(try Self.id(3, pick([1, 2, 3, 4]))))
        }
        return policies.sorted { $0.description < $1.description }
    }

    private mutating func drawPolicy(_ id: ResourceID) throws -> DesiredPolicy {
        var ingress: [PolicyRule] = []
        for _ in 0..<pick([0, 1, 2, 4]) { ingress.append(try drawRule()) }
        var egress: [PolicyRule]?
        if random.chance(40) {
            egress = []
            for _ in 0..<pick([0, 1, 3, 5]) { egress?.append(try drawRule()) }
        }
        return DesiredPolicy(id: id, generation: 1, ingress: ingress, egress: egress)
    }

    private mutating func drawRule() throws -> PolicyRule {
        var rule = PolicyRule(pick([.tcp, .tcp, .udp, .udp, .icmpv6, .any, .esp]))
        if rule.protocol.hasPorts, random.chance(80) {
            let first = pick(Self.ports)
            rule.ports = [try #require(PortRange(first, pick([first, first, first + 500])))]
        }
        if rule.protocol == .icmpv6, random.chance(50) { rule.types = [pick([1, 128, 160, 100])] }
        if random.chance(60) {
            let number = UInt64(pick([1, 2, 3, 4, 5, 6]))
            rule.peers = [
                pick([
                    .prefix(Self.prefix), .prefix(try IPv6Prefix(parsing: "2001:db8:0:1::/64")),
                    .prefix(
                        IPv6Prefix(containing: IPv6Address(high: Self.prefix.address.high, low: number), length: 128)),
                    .members(.id(try Self.id(3, pick([1, 2, 3, 4])))),
                    .prefix(try IPv4Prefix(parsing: "10.7.0.0/29").mapped),
                    .prefix(IPv6Prefix(containing: IPv4Address(0x0a07_0001 + UInt32(number)).mapped, length: 128)),
                ])
            ]
        }
        return rule
    }

    static func id(_ kind: Int, _ number: Int) throws -> ResourceID {
        func hex(_ value: Int) -> String { (value < 16 ? "0" : "") + String(value, radix: 16) }
        return try #require(ResourceID("\(hex(kind))00\(hex(number))00-0000-4000-8000-000000000000"))
    }
}
