import Addressing
import NetworkModel
import Resources

/// What a host needs to know to guard its ports.
extension CacheState {
    func addIsolation(to update: inout HostUpdate, for host: ResourceID, _ dirt: FeedDirt) {
        let policies = relations.policiesOfHost[host, default: []]
        for id in (dirt.everything ? policies : dirt.policies).sorted() {
            if policies.contains(id), let policy = resource(id, as: Policy.self) {
                update.policies.append(DesiredPolicy(policy))
            } else {
                update.removedPolicies.insert(id)
            }
        }
        addMembers(to: &update, of: policies, dirt)
        addBindings(to: &update, for: host, dirt)
        let probes = probesOfHost[host, default: []]
        for id in (dirt.everything ? probes : dirt.probes).sorted() {
            if probes.contains(id), let probe = self.probes[id] {
                update.probes.append(DesiredProbe(id: id, question: probe.question, seconds: probe.seconds))
            } else {
                update.removedProbes.insert(id)
            }
        }
    }

    private func addMembers(to update: inout HostUpdate, of policies: Set<ResourceID>, _ dirt: FeedDirt) {
        let asked =
            dirt.everything ? policies.reduce(into: []) { $0.formUnion(peers(of: $1)) } : dirt.members
        for id in asked.sorted() {
            if relations.namersOfPolicy[id, default: []].isDisjoint(with: policies) {
                update.removedMembers.insert(id)
            } else {
                update.members.append(
                    PolicyMembers(policy: id, addresses: Set(relations.membersOfPolicy[id, default: [:]].keys)))
            }
        }
    }

    private func addBindings(to update: inout HostUpdate, for host: ResourceID, _ dirt: FeedDirt) {
        let segments = relations.segmentsOfHost[host, default: []]
        let whole = dirt.everything ? segments : dirt.tables
        for segment in whole.union(dirt.bindings.keys).sorted() where segments.contains(segment) {
            var change = BindingChange(segment: segment, reset: whole.contains(segment))
            if change.reset {
                for attachment in relations.attachmentsOfSegment[segment, default: []] {
                    change.put += bindings(of: attachment)
                }
                change.put.sort { $0.address < $1.address }
                // An empty table says nothing that a new segment does not.
                if change.put.isEmpty, dirt.everything { continue }
            } else {
                for address in dirt.bindings[segment, default: []].sorted() {
                    if let binding = binding(of: address, on: segment) {
                        change.put.append(binding)
                    } else {
                        change.removed.insert(address)
                    }
                }
            }
            update.bindings.append(change)
        }
    }

    func desiredAttachment(_ id: ResourceID) -> DesiredAttachment? {
        guard let attachment = resource(id, as: Attachment.self), let segment = attachment.spec.segment.id else {
            return nil
        }
        return DesiredAttachment(
            id: id, generation: attachment.metadata.generation, segment: segment, mac: attachment.assigned.mac,
            addresses: attachment.assigned.addresses, port: attachment.spec.port,
            policies: attachment.effectivePolicies,
            allowedAddresses: allowedSources(attachment.effectiveAllowedAddresses, on: segment),
            limits: attachment.spec.limits, learnedAddressLimit: attachment.learnedAddressLimit,
            ipv4: attachment.assigned.ipv4)
    }

    /// Without the segment's own /64, link-local and multicast addresses where a prefix is wider than those.
    private func allowedSources(_ prefixes: [IPv6Prefix], on segment: ResourceID) -> [IPv6Prefix] {
        guard !prefixes.isEmpty else { return [] }
        var reserved = IPv6Prefix.neverAllowedSources
        if let own = resource(segment, as: Segment.self)?.assigned.prefix { reserved.append(own) }
        return prefixes.flatMap { prefix in
            // A prefix inside of a reserved one was admitted as it is.
            reserved.filter { !$0.contains(prefix) }
                .reduce([prefix]) { rest, reserved in rest.flatMap { $0.excluding(reserved) } }
        }
    }
}

extension DesiredPolicy {
    init(_ policy: Resource<Policy>) {
        self.init(
            id: policy.metadata.id, generation: policy.metadata.generation, ingress: policy.spec.ingress,
            egress: policy.spec.egress)
    }
}
