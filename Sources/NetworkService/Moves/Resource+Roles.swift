import Addressing
import NetworkModel
import NetworkPlanning
import Resources

extension Resource<Gateway> {
    /// Who has the role; nil only while a reference is not resolved, which no stored spec is.
    var holder: RoleHolder? {
        switch spec.type {
        case .managed: spec.host?.id.map { .host($0) }
        case .attachment: spec.attachment?.id.map { .attachment($0) }
        }
    }

    /// The hosts that carry it: the one that routes, and the one that is to.
    var carriers: [ResourceID] { [spec.host?.id, assigned.next?.holder.host].compactMap { $0 } }

    /// The hosts that carried it and have not said that nothing of it is left.
    var formerCarriers: [ResourceID] { assigned.formers.map(\.host) }

    var isMoving: Bool { assigned.next != nil || !assigned.formers.isEmpty }

    /// By segment: the attachments that may act as its router.
    var routers: [ResourceID: Set<ResourceID>] {
        var routers: [ResourceID: Set<ResourceID>] = [:]
        let leaving = assigned.formers.filter(\.saysGoodbye).map(\.ports)
        for ports in [assigned.ports, assigned.next?.ports ?? [:]] + leaving {
            for (segment, port) in ports { routers[segment, default: []].insert(port) }
        }
        return routers
    }

    /// nil while a reference is not resolved.
    var move: GatewayMove? {
        holder.map {
            GatewayMove(active: $0, term: assigned.term, next: assigned.next, formers: Set(formerCarriers))
        }
    }
}

extension Resource<Attachment> {
    /// The hosts that realise it: two while a gateway's port moves.
    var hosts: [ResourceID] { [spec.host?.id, assigned.next].compactMap { $0 } }
}
