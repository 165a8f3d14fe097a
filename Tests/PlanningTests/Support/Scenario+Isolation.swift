import Addressing
import NetworkModel
import Resources
import SeededRandomness

/// What ports let through: policies, who holds which address, allowed addresses and limits. Drawn from a generator of its
/// own, so that a seed means the same devices with them and without.
///
/// `!` stands on literals that are in range: a trap here is a mistake in this file.
extension Scenario {
    mutating func isolate(_ snapshot: inout HostSnapshot) {
        for id in policyIDs where isolation.chance(70) { snapshot.policies[id] = policy(id) }
        for named in Set(snapshot.policies.values.flatMap(\.peers)).sorted() where isolation.chance(90) {
            snapshot.members[named] = Set((1...6).filter { _ in isolation.chance(30) }.map { guest($0, 1) })
        }
        for id in attachmentIDs {
            guard var attachment = snapshot.attachments[id], attachment.isGuest else { continue }
            guardPort(of: &attachment, vni: snapshot.segments[attachment.segment]?.vni.value)
            snapshot.attachments[id] = attachment
        }
        for id in segmentIDs {
            guard var segment = snapshot.segments[id] else { continue }
            let members = attachmentIDs.compactMap { snapshot.attachments[$0] }.filter { $0.segment == id }
            // Each once: no two attachments of the API's have one MAC, and some here do.
            segment.gateways =
                isolation.chance(50) ? Set(members.filter { !$0.isGuest }.map(\.mac)).sorted() : []
            if isolation.chance(10), let guest = members.first(where: \.isGuest) { segment.gateways = [guest.mac] }
            snapshot.segments[id] = segment
            let table = bindings(on: segment, of: members)
            if !table.isEmpty { snapshot.bindings[id] = table }
        }
    }

    private mutating func policy(_ id: ResourceID) -> DesiredPolicy {
        func rules() -> [PolicyRule] { (0..<Int.random(in: 0...3, using: &isolation)).map { _ in rule() } }
        return DesiredPolicy(
            id: id, generation: 1, ingress: rules(), egress: isolation.chance(40) ? rules() : nil)
    }

    private mutating func rule() -> PolicyRule {
        let log = isolation.chance(20)
        let rate: UInt32? = isolation.chance(20) ? 5 : nil
        var peers: [PolicyPeer]?
        if isolation.chance(60) {
            peers = [.prefix(IPv6Prefix(containing: guest(Int.random(in: 1...8, using: &isolation), 0), length: 64))]
            if isolation.chance(50) { peers?.append(.members(.id(policyIDs.randomElement(using: &isolation)!))) }
        }
        switch Int.random(in: 0..<3, using: &isolation) {
        case 0: return PolicyRule(.any, peers: peers, log: log, rate: rate)
        case 1: return PolicyRule(.icmpv6, types: [128], peers: peers, log: log, rate: rate)
        default:
            let ports = [PortRange(22, 22)!, PortRange(8000, 8010)!].filter { _ in isolation.chance(60) }
            return PolicyRule(.tcp, ports: ports, peers: peers, log: log, rate: rate)
        }
    }

    private mutating func guardPort(of attachment: inout DesiredAttachment, vni: UInt32?) {
        attachment.policies =
            switch Int.random(in: 0..<6, using: &isolation) {
            case 0: [.builtIn(.allowAll)]
            case 1: [.builtIn(.denyIn)]
            case 2: [.builtIn(.allowSegment)]
            case 3: [.builtIn(.allowSegment), .policy(policyIDs.randomElement(using: &isolation)!)]
            default: policyIDs.filter { _ in isolation.chance(40) }.map(PolicyUse.policy)
            }
        if let vni, isolation.chance(60) {
            attachment.addresses = [AttachmentAddress(guest(Int(vni), attachment.mac.value), origin: .static)]
        }
        if isolation.chance(20) {
            attachment.allowedAddresses = [
                IPv6Prefix(containing: IPv6Address(high: 0x2001_0db8 << 32 | attachment.mac.value, low: 0), length: 64)
            ]
        }
        if isolation.chance(20) { attachment.limits.outward.bandwidth = 1_000_000 }
        if isolation.chance(20) { attachment.limits.inward.packetsPerSecond = 1000 }
        if isolation.chance(20) { attachment.limits.outward.ndPerSecond = 20 }
        if isolation.chance(20) { attachment.learnedAddressLimit = 0 }
    }

    /// Some learned by the segment's attachments here, some held elsewhere: also what a port here calls its own.
    private mutating func bindings(on segment: DesiredSegment, of members: [DesiredAttachment]) -> [IPv6Address:
        Binding]
    {
        var table: [IPv6Address: Binding] = [:]
        guard segment.prefix != nil, isolation.chance(80) else { return table }
        func hold(_ address: IPv6Address, _ attachment: ResourceID, here: Bool, _ origin: AttachmentAddress.Origin) {
            table[address] = Binding(
                address: address, attachment: attachment, host: here ? host.id : Self.id(kind: 4, 1), origin: origin,
                since: Revision(1))
        }
        let vni = Int(segment.vni.value)
        for number in 200..<204 where isolation.chance(40) {
            hold(guest(vni, UInt64(number)), Self.id(kind: 6, number - 200), here: false, .learned)
        }
        for member in members where member.isGuest {
            for address in member.addresses { hold(address.value, member.id, here: true, .static) }
            for number in 1...3 where isolation.chance(30) {
                hold(guest(vni, UInt64(number) << 16 | member.mac.value), member.id, here: true, .learned)
            }
        }
        if isolation.chance(10), let stolen = members.first(where: \.isGuest)?.addresses.first {
            hold(stolen.value, Self.id(kind: 6, 9), here: false, .learned)
        }
        return table
    }

    /// In the /64 of the segment that has the VNI.
    private func guest(_ vni: Int, _ low: UInt64) -> IPv6Address {
        IPv6Address(high: 0xfd11 << 48 | UInt64(vni), low: low)
    }
}

extension DesiredAttachment {
    fileprivate var isGuest: Bool {
        switch port {
        case .tap, .namespace: true
        case .external, .gateway: false
        }
    }
}
