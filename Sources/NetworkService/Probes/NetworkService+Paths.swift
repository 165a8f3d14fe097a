import Addressing
import Diagnosis
import NetworkModel
import NetworkPlanning
import Persistence
import Resources
import Synchronization

/// Probes of ways: who is asked, and what their answers mean.
extension NetworkService {
    /// What becomes of a question about a way.
    enum PathPlan {
        case ask(PathTask, conditions: [StoreTransaction.Condition])
        /// No measurement could bring these two together.
        case refuse(PathVerdict)
    }

    func planPath(
        _ project: String, from: String, to: String, flow: PathFlow
    ) async throws(Problem) -> PathPlan {
        let first = try await pathEnd(project, from, field: "from")
        if to == "outside" || to.hasPrefix("outside:") {
            return try planWayOut(first, String(to.dropFirst("outside:".count)), flow)
        }
        let ends = [first, try await pathEnd(project, to, field: "to")]
        guard ends[0].item.id != ends[1].item.id else {
            throw Problem(
                .conflict, "'\(ends[0].item.name)' is both ends: a way has two", field: "to",
                value: String(to.prefix(64)))
        }
        if let plan = try planThroughGateway(ends[0], ends[1], flow) { return plan }
        if let refusal = refusal(ends[0], ends[1]) { return .refuse(refusal) }
        guard let first = ends[0].end, let second = ends[1].end else {
            throw Problem(.conflict, "an end of the way was changed meanwhile")
        }
        return .ask(
            PathTask(
                nonce: ProbeNonce(high: .random(in: 0...(.max)), low: .random(in: 0...(.max))), flow: flow,
                segment: ends[0].segment, from: first, to: second, extras: extras(ends[0].segment),
                resolver: resolver(ends[0].segment)),
            conditions: ends.map { .exists($0.item.key) })
    }

    struct NamedEnd {
        var item: Item
        /// nil while it is bound to no host.
        var end: PathEnd?
        var segment: ResourceID?
    }

    /// `attachment`, `host/NAME`, or an address that an attachment of the project holds.
    private func pathEnd(_ project: String, _ text: String, field: String) async throws(Problem) -> NamedEnd {
        if text.hasPrefix("host/") {
            let item = try await find(.host, String(text.dropFirst(5)))
            let vtep = Host.unwrap(item.resource)?.spec.vtep
            return NamedEnd(item: item, end: vtep.map { PathEnd(host: item.id, vtep: $0) }, segment: nil)
        }
        var name = text.hasPrefix("attachment/") ? String(text.dropFirst(11)) : text
        if let address = try? IPv6Address(parsing: text) {  // anything else is a name
            let owner = try await find(.project, project).id
            guard let holder = cache.state.withLock({ $0.holder(of: address, in: owner) }) else {
                throw Problem(
                    .notFound, "no attachment of project '\(project)' has the address \(address)", field: field,
                    value: "\(address)")
            }
            name = holder.description
        }
        let item = try await find(.attachment, project: project, name)
        return cache.state.withLock { state in
            NamedEnd(
                item: item, end: state.pathEnd(item.id), segment: Attachment.unwrap(item.resource)?.spec.segment.id)
        }
    }

    private func refusal(_ from: NamedEnd, _ to: NamedEnd) -> PathVerdict? {
        for end in [from, to] where end.end == nil {
            return PathJudge.refusal(
                "\(end.item.name)", "\(end.item.name) is bound to no host",
                mend: "kcnet attachment update \(end.item.name) --host HOST")
        }
        switch (from.segment, to.segment) {
        case (let left?, let right?) where left != right:
            let names = [left, right].map { cache.item(.segment, $0)?.name.text ?? $0.description }
            return PathJudge.refusal(
                "segment",
                "\(from.item.name) is on segment \(names[0]), \(to.item.name) on \(names[1]): no managed "
                    + "gateway routes both",
                mend: "attach both to one segment, or: kcnet gateway create NAME --host HOST --segment \(names[0]) "
                    + "--segment \(names[1])")
        case (.some, nil), (nil, .some):
            return PathJudge.refusal(
                "segment", "one end is a host, which is on no segment",
                mend: "ask from attachment to attachment, or from host to host")
        default: return nil
        }
    }

    /// The verdict as far as it can be told; nil while agents may still answer, and for other questions.
    func verdict(_ probe: Probe, _ answers: [ResourceID: ProbeResult]) -> PathVerdict? {
        guard case .path(let task) = probe.question else { return nil }
        let world = cache.state.withLock { $0.world(task, answers, probe.created, now: settings.now()) }
        guard let world else {
            return PathJudge.refusal("resource", "an end of the way was deleted meanwhile", mend: "ask again")
        }
        return PathJudge(world).verdict
    }
}

extension CacheState {
    /// Whose address it is, among the attachments of a project: its own first, then what was learned.
    fileprivate func holder(of address: IPv6Address, in project: ResourceID) -> ResourceID? {
        let order = collections[Scope(kind: .attachment, project: project)]?.order ?? []
        let ids = order.map(\.id)
        return ids.first { id in
            resource(id, as: Attachment.self)?.assigned.addresses.contains { $0.value == address } ?? false
        } ?? ids.first { learned.addresses[$0, default: []].contains(address) }
    }

    /// nil while the attachment is bound to no host.
    func pathEnd(_ id: ResourceID) -> PathEnd? {
        guard let attachment = resource(id, as: Attachment.self), let host = attachment.spec.host?.id,
            let vtep = resource(host, as: Host.self)?.spec.vtep
        else { return nil }
        let own = attachment.assigned.addresses.map(\.value)
        let learned = learned.addresses[id, default: []].sorted()
        let address = (learned + own).first { !$0.isLinkLocal } ?? .linkLocal(attachment.assigned.mac)
        return PathEnd(
            host: host, vtep: vtep,
            guest: PathEnd.Guest(attachment: id, mac: attachment.assigned.mac, address: address))
    }

    fileprivate func world(
        _ task: PathTask, _ answers: [ResourceID: ProbeResult], _ asked: Timestamp, now: Timestamp
    ) -> PathWorld? {
        guard let underlay = all(Underlay.self).first?.spec,
            let from = worldEnd(task.from, task.segment, answers, now),
            let to = worldEnd(task.to, task.segment, answers, now)
        else { return nil }
        var segment: PathWorld.Segment?
        if let id = task.segment {
            guard let found = resource(id, as: Segment.self) else { return nil }
            segment = PathWorld.Segment(
                name: found.metadata.name.text, vni: found.assigned.vni, group: found.assigned.group,
                mtu: found.assigned.mtu, replication: found.assigned.replication)
        }
        return PathWorld(
            from: from, to: to, flow: task.flow, segment: segment, underlay: underlay,
            elapsed: .milliseconds(now.milliseconds - asked.milliseconds),
            gateway: task.gateway.flatMap { worldGateway($0, task.segment) },
            router: task.extras.contains(.routers) ? task.segment.flatMap { worldRouter($0) } : nil,
            resolver: task.resolver?.address, asked: asked,
            routers: Set(task.segment.map { routers(of: $0) } ?? []))
    }

    /// Nothing but a stateful DHCPv6 server tells a guest of an assigned address.
    private func isOptional(_ address: IPv6Address, of attachment: Resource<Attachment>) -> Bool {
        guard let id = attachment.spec.segment.id, let segment = resource(id, as: Segment.self) else { return false }
        return segment.spec.dhcp != .stateful
            && attachment.assigned.addresses.contains { $0.value == address && $0.origin == .assigned }
    }

    private func worldEnd(
        _ end: PathEnd, _ segment: ResourceID?, _ answers: [ResourceID: ProbeResult], _ now: Timestamp
    ) -> PathWorld.End? {
        guard let host = resource(end.host, as: Host.self) else { return nil }
        let world = PathWorld.Host(
            id: end.host, name: host.metadata.name.text, vtep: end.vtep, interface: host.spec.interface,
            isUp: liveness(of: end.host) == .up, answer: PathWorld.Answer(answers[end.host]),
            complaint: segment.flatMap { reports[$0]?[end.host] }.flatMap { $0.phase == .wired ? nil : $0.message },
            heard: renewals[end.host].map { .milliseconds(now.milliseconds - $0.milliseconds) })
        guard let guest = end.guest else { return PathWorld.End(name: world.name, host: world) }
        guard let attachment = resource(guest.attachment, as: Attachment.self),
            let desired = desiredAttachment(guest.attachment)
        else { return nil }
        let policies = attachment.effectivePolicies.map { use in
            if case .policy(let id) = use { items[id]?.name.text ?? id.description } else { use.description }
        }
        return PathWorld.End(
            name: attachment.metadata.name.text, host: world,
            guest: PathWorld.Guest(
                id: guest.attachment, port: desired.portName, mac: guest.mac, address: guest.address,
                policies: policies,
                isAddressOptional: isOptional(guest.address, of: attachment)))
    }
}

extension PathWorld.Answer {
    fileprivate init(_ result: ProbeResult?) {
        switch result?.phase {
        case nil: self = .none
        case .measuring: self = .measuring
        case .failed: self = .failed(result?.message ?? "it did not say why")
        case .done: self = result?.path.map { .done($0) } ?? .failed("its answer has no findings")
        }
    }
}
