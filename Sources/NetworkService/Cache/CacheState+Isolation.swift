import Addressing
import NetworkModel
import Resources

/// Keeps in step who uses which policy, which addresses stand for it, and who holds which address; and marks exactly
/// the hosts that must hear of it.
extension CacheState {
    mutating func indexPolicy(_ old: Resource<Policy>?, _ new: Resource<Policy>?) {
        guard let id = (new ?? old)?.metadata.id else { return }
        let before = Set((old?.spec.peers ?? []).compactMap(\.id))
        let after = Set((new?.spec.peers ?? []).compactMap(\.id))
        for peer in before.subtracting(after) {
            relations.namersOfPolicy[peer]?.remove(id)
            if relations.namersOfPolicy[peer]?.isEmpty == true { relations.namersOfPolicy[peer] = nil }
        }
        for peer in after.subtracting(before) { relations.namersOfPolicy[peer, default: []].insert(id) }
        for host in relations.hostsOfPolicy[id, default: [:]].keys {
            mark(host: host) { dirt in
                dirt.policies.insert(id)
                dirt.members.formUnion(before.symmetricDifference(after))
            }
        }
    }

    mutating func indexIsolation(_ old: Resource<Attachment>?, _ new: Resource<Attachment>?) {
        guard let id = (new ?? old)?.metadata.id else { return }
        let before = Use(old)
        let after = Use(new)
        if before != after { indexUse(of: id, before: before, after: after) }
        indexMembership(of: id)
        markBindings(old, new)
        markShared(old, new)
    }

    /// All hosts of a segment know what attachments may use of it, wherever these are.
    private mutating func markShared(_ old: Resource<Attachment>?, _ new: Resource<Attachment>?) {
        let (before, after) = (old?.spec.segment.id, new?.spec.segment.id)
        let (was, become) = (old?.spec.allowedAddresses ?? [], new?.spec.allowedAddresses ?? [])
        guard before != after || was != become, !was.isEmpty || !become.isEmpty else { return }
        for segment in Set([before, after].compactMap(\.self)) {
            for host in relations.hostsOfSegment[segment, default: [:]].keys {
                mark(host: host) { $0.segments.insert(segment) }
            }
        }
    }

    /// A gateway's host needs the rules of its policies as if a port had them; a gateway is no member of them.
    mutating func indexPolicies(_ old: Resource<Gateway>?, _ new: Resource<Gateway>?) {
        guard let id = (new ?? old)?.metadata.id else { return }
        func use(_ gateway: Resource<Gateway>?) -> Use {
            let policies = gateway?.effectivePolicies.compactMap { if case .policy(let id) = $0 { id } else { nil } }
            return Use(hosts: Set(gateway?.carriers ?? []), policies: Set(policies ?? []))
        }
        indexUse(of: id, before: use(old), after: use(new))
    }

    /// The policies that something refers to, and the hosts that need their rules for it.
    private struct Use: Equatable {
        var hosts: Set<ResourceID>
        var policies: Set<ResourceID>

        init(hosts: Set<ResourceID>, policies: Set<ResourceID>) {
            self.hosts = hosts
            self.policies = policies
        }

        /// An attachment that has no policies needs none anywhere.
        init(_ attachment: Resource<Attachment>?) {
            policies = attachment.map(Use.policies) ?? []
            hosts = policies.isEmpty ? [] : Set(attachment?.hosts ?? [])
        }

        /// The users' own among its policies.
        static func policies(of attachment: Resource<Attachment>) -> Set<ResourceID> {
            Set(attachment.effectivePolicies.compactMap { if case .policy(let id) = $0 { id } else { nil } })
        }
    }

    private mutating func indexUse(of id: ResourceID, before old: Use, after new: Use) {
        for policy in old.policies.subtracting(new.policies) {
            relations.usersOfPolicy[policy]?.remove(id)
            if relations.usersOfPolicy[policy]?.isEmpty == true { relations.usersOfPolicy[policy] = nil }
        }
        for policy in new.policies.subtracting(old.policies) {
            relations.usersOfPolicy[policy, default: []].insert(id)
        }
        for host in old.hosts {
            let kept = new.hosts.contains(host) ? new.policies : []
            for policy in old.policies.subtracting(kept) { stopUsing(policy, on: host) }
        }
        for host in new.hosts {
            let had = old.hosts.contains(host) ? old.policies : []
            for policy in new.policies.subtracting(had) { beginUsing(policy, on: host) }
        }
    }

    private mutating func beginUsing(_ policy: ResourceID, on host: ResourceID) {
        relations.hostsOfPolicy[policy, default: [:]][host, default: 0] += 1
        guard relations.policiesOfHost[host, default: []].insert(policy).inserted else { return }
        markNeed(of: policy, on: host)
    }

    private mutating func stopUsing(_ policy: ResourceID, on host: ResourceID) {
        let count = relations.hostsOfPolicy[policy]?[host] ?? 0
        guard count <= 1 else {
            relations.hostsOfPolicy[policy]?[host] = count - 1
            return
        }
        relations.hostsOfPolicy[policy]?[host] = nil
        if relations.hostsOfPolicy[policy]?.isEmpty == true { relations.hostsOfPolicy[policy] = nil }
        relations.policiesOfHost[host]?.remove(policy)
        markNeed(of: policy, on: host)
    }

    private mutating func markNeed(of policy: ResourceID, on host: ResourceID) {
        let peers = peers(of: policy)
        mark(host: host) { dirt in
            dirt.policies.insert(policy)
            dirt.members.formUnion(peers)
        }
    }

    /// The policies whose members stand in the rules of a policy.
    func peers(of policy: ResourceID) -> Set<ResourceID> {
        Set((resource(policy, as: Policy.self)?.spec.peers ?? []).compactMap(\.id))
    }

    /// What an attachment adds to the addresses that stand for its policies.
    mutating func indexMembership(of id: ResourceID) {
        var membership: Relations.Membership?
        if let attachment = resource(id, as: Attachment.self) {
            let policies = Use.policies(of: attachment)
            if !policies.isEmpty {
                var addresses = learned.addresses[id, default: []]
                addresses.formUnion(attachment.assigned.allAddresses)
                membership = Relations.Membership(
                    policies: policies, addresses: addresses.filter { !$0.isLinkLocal })
            }
        }
        let old = relations.memberships[id]
        guard old != membership else { return }
        relations.memberships[id] = membership
        for policy in old?.policies ?? [] {
            for address in old?.addresses ?? [] { countMember(address, of: policy, by: -1) }
        }
        for policy in membership?.policies ?? [] {
            for address in membership?.addresses ?? [] { countMember(address, of: policy, by: 1) }
        }
        for policy in (old?.policies ?? []).union(membership?.policies ?? []) { markMembers(of: policy) }
    }

    private mutating func countMember(_ address: IPv6Address, of policy: ResourceID, by change: Int) {
        let count = (relations.membersOfPolicy[policy]?[address] ?? 0) + change
        relations.membersOfPolicy[policy, default: [:]][address] = count > 0 ? count : nil
        if relations.membersOfPolicy[policy]?.isEmpty == true { relations.membersOfPolicy[policy] = nil }
    }

    private mutating func markMembers(of policy: ResourceID) {
        for namer in relations.namersOfPolicy[policy, default: []] {
            for host in relations.hostsOfPolicy[namer, default: [:]].keys {
                mark(host: host) { $0.members.insert(policy) }
            }
        }
    }

    private mutating func markBindings(_ old: Resource<Attachment>?, _ new: Resource<Attachment>?) {
        guard !isTrying, !feeds.isEmpty else { return }
        guard let segment = (new ?? old)?.spec.segment.id, let id = (new ?? old)?.metadata.id else { return }
        func held(_ attachment: Resource<Attachment>?) -> Set<IPv6Address> {
            guard let attachment else { return [] }
            return Set(attachment.assigned.addresses.map(\.value) + ownAddresses(of: attachment, on: segment))
        }
        let before = held(old)
        let after = held(new)
        // Whoever moves takes all with it, also what it has learned.
        let changed =
            old?.hosts == new?.hosts && old != nil && new != nil
            ? before.symmetricDifference(after)
            : before.union(after).union(learned.addresses[id, default: []])
        markBindings(changed, of: segment)
    }

    private mutating func markBindings(_ addresses: Set<IPv6Address>, of segment: ResourceID) {
        guard !addresses.isEmpty else { return }
        for host in relations.hostsOfSegment[segment, default: [:]].keys {
            mark(host: host) { $0.bindings[segment, default: []].formUnion(addresses) }
        }
    }

    /// Takes over the list of what a host has learned on a segment; nil when it is gone.
    mutating func takeLearned(_ list: LearnedAddresses?, of place: LearnedTable.Place, at revision: Revision) {
        let changed = learned.replace(place, with: list, at: revision)
        markBindings(changed.addresses, of: place.segment)
        for attachment in changed.attachments {
            indexMembership(of: attachment)
            nameAttachment(attachment)
            refresh(attachment, at: revision)
        }
    }
}
