import Addressing
import NetworkModel
import NetworkPlanning
import Resources

/// The steps of a move as plans: each changes the gateway and its ports in one transaction.
extension Gateway {
    /// Plans that the role begins to move.
    static func planMove(
        of id: ResourceID, to target: MoveTarget, _ plan: inout WritePlan, _ state: inout CacheState
    ) throws(Problem) {
        guard let item = state.items[id], var new = unwrap(item.resource) else { throw Problem.gone(kind, id) }
        let old = new
        let holder: RoleHolder
        switch target {
        case .host(let text):
            var spec = old.spec
            spec.host = text
            holder = .host(try resolveHost(&spec, field: "to", state).id)
        case .attachment(let text):
            holder = .attachment(
                try state.resolve(text, as: Attachment.self, in: item.projectID, field: "attachment").id)
        }
        try begin(holder, old, &new.assigned, &plan, state)
        for port in old.assigned.ports.values.sorted() where new.assigned.next?.ports.values.contains(port) == true {
            try announce(port, next: holder.host, &plan, state)
        }
        plan.replaceGateway(item, with: new)
    }

    /// Makes the next holder known in `assigned`, with its ports; those that it has in common with the present one are
    /// the caller's to announce.
    static func begin(
        _ holder: RoleHolder, _ old: Resource<Gateway>, _ assigned: inout Assigned, _ plan: inout WritePlan,
        _ state: CacheState
    ) throws(Problem) {
        let id = old.metadata.id
        let term = old.metadata.generation + 1
        guard var move = old.move else { throw Problem(.internal, "gateway \(id) has no holder") }
        do throws(GatewayMove.Refusal) { try move.begin(to: holder, token: term) } catch {
            throw Problem(error, old, state)
        }
        var ports = assigned.ports
        switch holder {
        case .host(let host):
            guard let item = state.items[host] else { throw Problem.gone(Host.kind, host) }
            var spec = old.spec
            spec.host = .id(host)
            try claimUplink(spec, over: nil, &plan, state)
            plan.refer(to: item)
            if old.spec.type == .attachment {
                ports = [:]
                for segment in assigned.ports.keys.sorted() {
                    guard let network = state.items[segment] else { continue }
                    ports[segment] = try addPort(
                        on: network, host: item, name: old.metadata.name, claimsRole: false, &plan, state)
                }
            }
        case .attachment(let attachment):
            guard let item = state.items[attachment] else { throw Problem.gone(Attachment.kind, attachment) }
            ports = [try requireRouter(attachment, of: old, state): attachment]
            plan.refer(to: item)
        }
        assigned.next = NextHolder(holder, term: term, ports: ports)
    }

    /// The segment of a guest that is to be the router.
    private static func requireRouter(_ id: ResourceID, of old: Resource<Gateway>, _ state: CacheState) throws(Problem)
        -> ResourceID
    {
        guard let item = state.items[id], let attachment = Attachment.unwrap(item.resource),
            let segment = attachment.spec.segment.id
        else { throw Problem.gone(Attachment.kind, id) }
        if case .gateway(let gateway) = attachment.spec.port {
            throw Problem(
                field: "attachment", value: item.name.text,
                rule: "must be a guest's: this one is a port of \(state.place(gateway))")
        }
        guard Set(old.assigned.ports.keys) == [segment] else {
            throw Problem(
                field: "attachment", value: item.name.text,
                rule: "must be on the gateway's segment, and the gateway have no other: a guest routes one segment")
        }
        return segment
    }

    /// Plans that everything is as before the move.
    static func planCancel(of id: ResourceID, _ plan: inout WritePlan, _ state: CacheState) throws(Problem) {
        guard let item = state.items[id], var new = unwrap(item.resource) else { throw Problem.gone(kind, id) }
        let old = new
        guard var move = old.move else { throw Problem(.internal, "gateway \(id) has no holder") }
        do throws(GatewayMove.Refusal) { try move.cancel() } catch { throw Problem(error, old, state) }
        if let host = old.assigned.next?.holder.host { forget(old, on: host, &plan, state) }
        for port in old.assigned.ports.values.sorted() where old.assigned.next?.ports.values.contains(port) == true {
            try announce(port, next: nil, &plan, state)
        }
        try removeNextPorts(old, &plan, state)
        new.assigned.next = nil
        plan.replaceGateway(item, with: new)
    }

    /// Plans what the facts allow; nothing when they allow nothing.
    static func planAdvance(of id: ResourceID, _ plan: inout WritePlan, _ state: CacheState) throws(Problem) {
        guard let item = state.items[id], let old = unwrap(item.resource), let move = old.move,
            let transition = move.transition(state.facts(of: old))
        else { return }
        switch transition {
        case .flip: plan.replaceGateway(item, with: try flipped(old, &plan, state))
        case .clear(let hosts):
            var new = old
            new.assigned.formers.removeAll { hosts.contains($0.host) }
            for former in old.assigned.formers where hosts.contains(former.host) {
                if state.reports[id]?[former.host] != nil { plan.delete(StoreLayout.report(id, host: former.host)) }
                for (segment, port) in former.ports {
                    try removePort(port, of: segment, givesRoleUp: false, &plan, state)
                }
            }
            plan.replaceGateway(item, with: new)
        }
    }

    private static func flipped(_ old: Resource<Gateway>, _ plan: inout WritePlan, _ state: CacheState)
        throws(Problem) -> Resource<Gateway>
    {
        guard let next = old.assigned.next else { return old }
        var new = old
        let before = old.spec.host?.id
        switch next.holder {
        case .host(let host):
            if before == nil {
                new.spec = Spec(type: .managed, host: .id(host), segments: old.spec.segments)
            } else {
                new.spec.host = .id(host)
                for port in old.assigned.ports.values.sorted() {
                    try movePort(port, to: host, &plan, state)
                }
            }
        case .attachment(let attachment):
            // What belongs to KC's own router goes with it.
            new.spec = Spec(type: .attachment, attachment: .id(attachment), segments: old.spec.segments)
            if let address = old.assigned.outgoing { plan.delete(StoreLayout.ipv4(address)) }
            new.assigned.outgoing = nil
        }
        if let before {
            if let held = interface(of: old.spec) {
                plan.delete(StoreLayout.interface(host: held.host, held.interface))
            }
            let isAnother = next.holder.host == nil
            new.assigned.formers.append(
                FormerHolder(before, saysGoodbye: isAnother, ports: isAnother ? old.assigned.ports : [:]))
        }
        new.assigned.ports = next.ports
        new.assigned.term = next.term
        new.assigned.next = nil
        return new
    }

    /// What a deletion takes with it besides the ports that route.
    static func releaseMove(_ old: Resource<Gateway>, _ plan: inout WritePlan, _ state: CacheState) throws(Problem) {
        try removeNextPorts(old, &plan, state)
        for former in old.assigned.formers {
            for (segment, port) in former.ports {
                try removePort(port, of: segment, givesRoleUp: false, &plan, state)
            }
        }
    }

    /// The ports that were made for the next holder alone.
    private static func removeNextPorts(_ old: Resource<Gateway>, _ plan: inout WritePlan, _ state: CacheState)
        throws(Problem)
    {
        guard let next = old.assigned.next, next.holder.host != nil else { return }
        for (segment, port) in next.ports where old.assigned.ports[segment] != port {
            try removePort(port, of: segment, givesRoleUp: false, &plan, state)
        }
    }

    /// What the next host has said and holds.
    private static func forget(
        _ old: Resource<Gateway>, on host: ResourceID, _ plan: inout WritePlan, _ state: CacheState
    ) {
        for id in [old.metadata.id] + old.assigned.ports.values where state.reports[id]?[host] != nil {
            plan.delete(StoreLayout.report(id, host: host))
        }
        for held in interfaces(of: old) where held.host == host {
            plan.delete(StoreLayout.interface(host: held.host, held.interface))
        }
    }

    /// Has a port made on a further host too, or no longer.
    static func announce(
        _ port: ResourceID, next: ResourceID?, _ plan: inout WritePlan, _ state: CacheState
    ) throws(Problem) {
        guard let item = state.items[port], var resource = Attachment.unwrap(item.resource) else {
            throw Problem(.internal, "port \(port) of the gateway is missing")
        }
        resource.assigned.next = next
        plan.replacePort(item, with: resource)
    }

    private static func movePort(
        _ port: ResourceID, to host: ResourceID, _ plan: inout WritePlan, _ state: CacheState
    ) throws(Problem) {
        guard let item = state.items[port], var resource = Attachment.unwrap(item.resource) else {
            throw Problem(.internal, "port \(port) of the gateway is missing")
        }
        if let before = resource.spec.host?.id, state.reports[port]?[before] != nil {
            plan.delete(StoreLayout.report(port, host: before))
        }
        resource.spec.host = .id(host)
        resource.assigned.next = nil
        plan.replacePort(item, with: resource)
    }
}
