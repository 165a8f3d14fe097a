import Addressing
import NetworkModel
import Resources

extension PlanDraft {
    mutating func planSegment(_ id: ResourceID) {
        for name in (context.seen.owned[.segment(id)] ?? []).sorted() where context.isLeaving(name) {
            remove(name)
        }
        guard let segment = context.desired.segments[id], context.isPresent(id) else { return }
        if let problem = context.fitness.problem(of: segment) {
            // Whatever forwards already is left as it is.
            refuse(segment, .unfit, problem)
        } else if let obstacle = obstacle(to: segment) {
            refuse(segment, .failed, obstacle)
        } else {
            planDevices(of: segment)
        }
    }

    private mutating func refuse(_ segment: DesiredSegment, _ phase: Report.Phase, _ message: String) {
        let refusal = Refusal(.segment(segment.id), phase, message)
        refuse(refusal)
        refusedSegments[segment.id] = refusal
    }

    /// What foreign device, or other segment, holds what the segment needs.
    private func obstacle(to segment: DesiredSegment) -> String? {
        if let claimant = context.claimant(of: segment.vni), claimant != segment.id {
            return "VNI \(segment.vni) belongs to segment \(claimant) on this host"
        }
        let links = context.observed.links.links
        for name in [InterfaceName.bridge(segment.vni), .vxlan(segment.vni)] {
            guard let link = links[name], !link.isUnfinished, !context.isLeaving(name),
                context.seen.marks[name] != .segment(segment.id)
            else { continue }
            return ForeignDevice.message(link)
        }
        for name in (context.seen.vxlans[segment.vni] ?? []).sorted() {
            guard name != .vxlan(segment.vni), !context.isLeaving(name), let link = links[name],
                case .vxlan(let settings) = link.kind, settings.port == context.desired.underlay.port
            else { continue }
            return
                "the VXLAN device \(name), which is not KC's, has VNI \(segment.vni) and UDP port \(settings.port) "
                + "on this host already; delete it (`ip link delete \(name)`) or give the segment another VNI"
        }
        return nil
    }

    private mutating func planDevices(of segment: DesiredSegment) {
        let subject = Subject.segment(segment.id)
        plan(WantedLink.bridge(of: segment), of: segment)
        let vxlan = WantedLink.vxlan(of: segment, on: context.desired.host, context.desired.underlay)
        let isNew = plan(vxlan, of: segment)
        let peers: Set<IPv6Address> =
            segment.replication == .unicast ? segment.peers.subtracting([context.desired.host.vtep]) : []
        // The kernel lists a multicast group like a flood entry; it is the device's own.
        let floods: Set<IPv6Address> =
            isNew ? [] : (context.observed.links.floods[vxlan.name] ?? []).filter { !$0.isMulticast }
        for peer in peers.subtracting(floods).sorted() {
            add(.link(.addFlood(vxlan.name, peer)), for: subject, in: .segments)
        }
        for peer in floods.subtracting(peers).sorted() {
            add(.link(.removeFlood(vxlan.name, peer)), for: subject, in: .segments)
        }
    }

    /// Makes, makes again, or changes a device of a segment; true when it is new.
    @discardableResult
    private mutating func plan(_ wanted: NewLink, of segment: DesiredSegment) -> Bool {
        let subject = Subject.segment(segment.id)
        let observed = context.isLeaving(wanted.name) ? nil : context.observed.links.links[wanted.name]
        guard let observed, observed.kind.canBecome(wanted.kind), !observed.isUnfinished else {
            if observed != nil { add(.link(.delete(wanted.name)), for: subject, in: .segments) }
            add(.link(.create(wanted)), for: subject, in: .segments)
            return true
        }
        if let change = LinkChange(from: observed, context.settled(observed.settings, on: segment), to: wanted) {
            add(.link(.change(wanted.name, change)), for: subject, in: .segments)
        }
        return false
    }
}

/// What is said about a device that has a name of ours and is not ours.
enum ForeignDevice {
    static func message(_ link: ObservedLink) -> String {
        let alias = link.settings.alias.map { "has the alias '\($0)'" } ?? "has no alias of KC"
        return "a device named \(link.name) exists on this host and is not KC's (it \(alias)); KC leaves it alone: "
            + "rename or delete it (`ip link delete \(link.name)`)"
    }
}
