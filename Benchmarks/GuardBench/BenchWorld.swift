import Addressing
import FoundationEssentials
import NFTables
import NetworkModel
import NetworkPlanning
import NodePortsTesting
import Resources

/// A host with many taps on some segments, of which a few use one policy of their own.
struct BenchWorld {
    let segments: Int
    /// How many ports, the first ones, use the policy.
    let shared: Int

    private static let policy = id(3, 0)
    private static let vtep = IPv6Address(high: 0xfd00 << 48, low: 1)

    /// The policy's prefixes, half of which differ between its variants.
    private static let prefixes: UInt64 = 500

    private static func id(_ kind: UInt8, _ number: Int) -> ResourceID {
        let (a, b, c) = (UInt8(number >> 16 & 0xff), UInt8(number >> 8 & 0xff), UInt8(number & 0xff))
        return ResourceID(UUID(uuid: (a, b, c, kind, c, b, 0x40, a, 0x80, kind, c, b, a, kind, b, c)))
    }

    /// All elements that the planner wants for the first `ports` ports.
    func elements(ports: Int, variant: Int) throws -> FilterContent {
        var model = HostModel()
        let underlay = try Underlay.Spec(mtu: MTU(1500))
        guard let name = Name("bench") else { throw Unusable() }
        let device = try InterfaceName("eth0")
        let host = HostIdentity(id: Self.id(4, 0), name: name, vtep: Self.vtep, interface: device, generation: 1)
        model.set(
            device, in: nil,
            HostModel.Device(
                index: model.takeIndex(), kind: .other(""),
                settings: LinkSettings(mtu: 1500, isUp: true, ipv6Disabled: false)))
        model[nil]?.addresses[device] = [InterfaceAddress(Self.vtep, length: 64)]
        var desired = HostSnapshot(revision: Revision(1), host: host, underlay: underlay, vteps: [Self.vtep])
        for number in 0..<segments {
            let vni = try VNI(4096 + number)
            desired.segments[Self.id(1, number)] = DesiredSegment(
                id: Self.id(1, number), generation: 1, vni: vni, group: MulticastGroups.standard.group(for: vni),
                mtu: try MTU(1430), ipam: .automatic,
                prefix: IPv6Prefix(containing: IPv6Address(high: 0xfd11 << 48 | UInt64(number), low: 0), length: 64),
                replication: .multicast, peers: [])
        }
        desired.policies[Self.policy] = DesiredPolicy(
            id: Self.policy, generation: 1 + UInt64(variant), ingress: try rules(variant))
        for number in 0..<ports {
            let segment = number % segments
            let address = IPv6Address(high: 0xfd11 << 48 | UInt64(segment), low: 0x100_0000 + UInt64(number))
            desired.attachments[Self.id(2, number)] = DesiredAttachment(
                id: Self.id(2, number), generation: 1, segment: Self.id(1, segment),
                mac: MACAddress(0x026b_6300_0000 + UInt64(number)),
                addresses: [AttachmentAddress(address, origin: .assigned)], port: .tap,
                policies: number < shared ? [.policy(Self.policy)] : [.builtIn(.allowSegment)])
        }
        var content = FilterContent()
        for step in HostPlanner.plan(desired: desired, observed: model.observed).steps {
            guard case .filter(let operation) = step.operation else { continue }
            switch operation {
            case .install(_, let elements): content.add(Array(elements.elements))
            case .change(_, _, let add): content.add(add)
            case .close, .uninstall: break
            }
        }
        return content
    }

    private func rules(_ variant: Int) throws -> [PolicyRule] {
        guard let port = PortRange(443, 443) else { throw Unusable() }
        let peers = (0..<Self.prefixes).map { number in
            // Every other prefix is another one in the other variant.
            let shift: UInt64 = number % 2 == 0 ? 0 : UInt64(variant) << 24
            return PolicyPeer.prefix(
                IPv6Prefix(containing: IPv6Address(high: 0x2001_0db8 << 32 | number << 4 | shift, low: 0), length: 64))
        }
        // A rule takes 256 peers.
        return [peers[..<250], peers[250...]].map { PolicyRule(.tcp, ports: [port], peers: Array($0)) }
    }

    struct Unusable: Error {}
}
