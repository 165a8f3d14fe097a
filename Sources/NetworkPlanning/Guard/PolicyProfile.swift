import Addressing
import NFTables
package import NetworkModel
package import Resources

/// A set of policies that attachments share: their rules are in the kernel once, under a number.
package struct PolicyProfile: Hashable, Sendable, Comparable {
    /// In order: which attachment names them first does not matter.
    package let policies: [ResourceID]

    /// nil for an attachment that has built-in policies only.
    package init?(of attachment: DesiredAttachment) {
        var ids: Set<ResourceID> = []
        for case .policy(let id) in attachment.policies { ids.insert(id) }
        if ids.isEmpty { return nil }
        policies = ids.sorted()
    }

    package static func < (left: PolicyProfile, right: PolicyProfile) -> Bool {
        left.policies.lexicographicallyPrecedes(right.policies)
    }

    /// Where its number is looked for first, so that it stays the same while others come and go.
    private var preference: UInt32 {
        var hash = FNV1a()
        for id in policies { hash.add(id.bytes) }
        return UInt32(truncatingIfNeeded: hash.value ^ hash.value >> 32) & PolicyNumbers.last
    }

    /// A number for each, from 1 on; the same for the same profiles in whatever order they came.
    package static func numbers(_ profiles: some Sequence<PolicyProfile>) -> [PolicyProfile: UInt32] {
        var numbers: [PolicyProfile: UInt32] = [:]
        var taken: Set<UInt32> = [0]
        for profile in profiles.sorted() {
            var number = profile.preference
            while taken.contains(number) { number = (number + 1) & PolicyNumbers.last }
            taken.insert(number)
            numbers[profile] = number
        }
        return numbers
    }

    /// Whether what leaves is looked at: some policy says so.
    func isFilteringEgress(in desired: HostSnapshot) -> Bool {
        policies.contains { desired.policies[$0]?.egress != nil }
    }

    /// What its rules are cut into (``PolicySize``): above ``Policy/Spec/maximumPiecesOfPort`` it is not built, and its
    /// attachments' ports stay closed.
    func pieces(in desired: HostSnapshot) -> Int {
        let known = policies.compactMap { desired.policies[$0] }
        return Policy.Spec(ingress: known.flatMap(\.ingress), egress: known.flatMap { $0.egress ?? [] })
            .pieces { desired.members[$0, default: []].count }
    }

    /// Its rules in both directions as elements, and the limits of single rules.
    func elements(_ number: UInt32, in desired: HostSnapshot) -> [GuardElement] {
        var counter = PolicyNumbers(profile: number)
        let known = policies.compactMap { desired.policies[$0] }
        let ingress = counter.boxes(known.flatMap(\.ingress), in: desired)
        let egress = counter.boxes(known.flatMap { $0.egress ?? [] }, in: desired)
        return ingress.flatMap { $0.elements(.ingress, .ingressIPv4, number) }
            + egress.flatMap { $0.elements(.egress, .egressIPv4, number) } + counter.limits
    }
}

/// Gives rules numbers, where somebody asks for one.
struct PolicyNumbers {
    /// The highest number of a profile: 17 bits, beside 12 for its rules.
    static let last: UInt32 = 0x1_ffff
    private static let lastRule: UInt32 = 0xfff

    private let profile: UInt32
    private var count: UInt32 = 0
    private(set) var limits: [GuardElement] = []

    init(profile: UInt32) { self.profile = profile }

    mutating func boxes(_ rules: [PolicyRule], in desired: HostSnapshot) -> [PolicyBoxes.Box] {
        let ordered = rules.enumerated().sorted { left, right in
            (left.element.rate == nil ? 0 : 1, left.element.log ? 0 : 1, left.offset)
                < (right.element.rate == nil ? 0 : 1, right.element.log ? 0 : 1, right.offset)
        }.map(\.element)
        return PolicyBoxes(
            ordered.map { rule in
                PolicyBoxes.Rule(
                    protocols: rule.protocolNumbers, ports: rule.portNumbers,
                    peers: desired.peers(of: rule)?.map(AddressRange.init) ?? [.all], mark: mark(rule))
            }
        ).boxes
    }

    /// Rules that only let through share one answer, so that their boxes grow together.
    private mutating func mark(_ rule: PolicyRule) -> UInt32 {
        var mark = KCRuleset.PolicyMark.allowed
        guard rule.log || rule.rate != nil else { return mark }
        count = min(count + 1, Self.lastRule)
        mark |= profile << 12 | count
        if rule.log { mark |= KCRuleset.PolicyMark.logged }
        if let rate = rule.rate {
            mark |= KCRuleset.PolicyMark.limited
            limits.append(
                GuardElement(
                    .ruleRate,
                    Element(
                        key: GuardSet.ruleRate.set.key([.number(UInt64(mark))]),
                        limit: Limit(UInt64(rate), burst: rate, isOver: true))))
        }
        return mark
    }
}

extension PolicyBoxes.Box {
    /// One in the set of each family that it has addresses of.
    fileprivate func elements(_ ipv6: GuardSet, _ ipv4: GuardSet, _ profile: UInt32) -> [GuardElement] {
        let mapped = AddressRange(.mappedIPv4)
        var elements: [GuardElement] = []
        if !mapped.contains(peers) { elements.append(GuardElement(ipv6, element(ipv6.set, profile))) }
        if let common = peers.intersection(mapped) {
            func number(_ address: IPv6Address) -> FieldValue { .number(address.low & 0xffff_ffff) }
            let profile = FieldValue.number(UInt64(profile))
            elements.append(
                GuardElement(
                    ipv4,
                    Element(
                        key: ipv4.set.key([
                            profile, .number(protocols.lowerBound), .number(ports.lowerBound), number(common.first),
                        ]),
                        end: ipv4.set.key([
                            profile, .number(protocols.upperBound), .number(ports.upperBound), number(common.last),
                        ]),
                        value: .mark(mark))))
        }
        return elements
    }

    private func element(_ set: NamedSet, _ profile: UInt32) -> Element {
        let number = FieldValue.number(UInt64(profile))
        return Element(
            key: set.key([number, .number(protocols.lowerBound), .number(ports.lowerBound), .address(peers.first)]),
            end: set.key([number, .number(protocols.upperBound), .number(ports.upperBound), .address(peers.last)]),
            value: .mark(mark))
    }
}
