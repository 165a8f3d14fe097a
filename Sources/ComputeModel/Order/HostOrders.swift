package import Resources

/// One thing that a compute host's agent is told by its server. A connection begins with `beginning`, every order there
/// is, and `complete`; then come changes as they happen.
package enum OrderEvent: Hashable, JSONCodable {
    /// What was said before on other connections no longer counts once this one is complete.
    case beginning(computeHost: ResourceID)
    /// Replaces what was said of that VM.
    case order(MachineOrder)
    /// The VM is placed here, and what it shall be cannot be said now: its ports or its image cannot be asked for. It stays
    /// as it is. A VM of which nothing at all is said is removed.
    case kept(ResourceID)
    /// The VM is gone from this host: its domain and its disk are removed.
    case removed(ResourceID)
    /// The consoles that somebody is at, all of them: one that is not named is nobody's any more. Never before `complete`.
    case consoles([ConsoleOrder])
    /// All orders have been said. The revision is that of the store which they show; it never goes back.
    case complete(Revision)

    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        let beginning: ResourceID? = try reader.optional("computeHost")
        let order: MachineOrder? = try reader.optional("order")
        let kept: ResourceID? = try reader.optional("kept")
        let removed: ResourceID? = try reader.optional("removed")
        let complete: UInt64? = try reader.optional("complete")
        let consoles: [ConsoleOrder]? = try reader.optional("consoles")
        try reader.finish()
        if let consoles, (beginning ?? kept ?? removed) == nil, order == nil, complete == nil {
            self = .consoles(consoles)
            return
        }
        switch (beginning, order, kept, removed, complete) {
        case (let host?, nil, nil, nil, nil): self = .beginning(computeHost: host)
        case (nil, let order?, nil, nil, nil): self = .order(order)
        case (nil, nil, let vm?, nil, nil): self = .kept(vm)
        case (nil, nil, nil, let vm?, nil): self = .removed(vm)
        case (nil, nil, nil, nil, let revision?): self = .complete(Revision(revision))
        default:
            throw FieldError(
                field: path.isEmpty ? "(document)" : path, value: node.excerpt,
                rule: "must have one of 'computeHost', 'order', 'kept', 'removed', 'consoles' and 'complete'")
        }
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            switch self {
            case .beginning(let host): writer.member("computeHost", host)
            case .order(let order): writer.member("order", order)
            case .kept(let vm): writer.member("kept", vm)
            case .removed(let vm): writer.member("removed", vm)
            case .consoles(let consoles): writer.member("consoles", consoles)
            case .complete(let revision): writer.member("complete", revision.value)
            }
        }
    }
}

/// Everything that a compute host is told: what it has when all has been said.
package struct HostOrders: Hashable, JSONCodable {
    package var computeHost: ResourceID
    package var revision: Revision
    /// By id.
    package var machines: [ResourceID: MachineOrder]
    /// VMs that are here and stay as they are, with or without a former order among `machines`.
    package var kept: Set<ResourceID> = []

    package init(computeHost: ResourceID, revision: Revision, machines: [MachineOrder]) {
        self.computeHost = computeHost
        self.revision = revision
        self.machines = Dictionary(machines.map { ($0.id, $0) }) { $1 }
    }

    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        let revision: UInt64 = try reader.required("revision")
        self.init(
            computeHost: try reader.required("computeHost"), revision: Revision(revision),
            machines: try reader.required("machines"))
        kept = Set(try reader.optional("kept") as [ResourceID]? ?? [])
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("computeHost", computeHost)
            writer.member("revision", revision.value)
            writer.member("machines", machines.values.sorted { $0.id < $1.id })
            if !kept.isEmpty { writer.member("kept", kept.sorted()) }
        }
    }
}

/// Makes orders of the events of one connection.
package struct OrderCollection: Sendable {
    private var orders: HostOrders?
    private var isComplete = false

    package init() {}

    /// - Returns: everything that is ordered now; nil until all has been said.
    /// - Throws: the rule that the server breaks.
    package mutating func take(_ event: OrderEvent) throws(FieldError) -> HostOrders? {
        if case .beginning(let host) = event {
            orders = HostOrders(computeHost: host, revision: Revision(0), machines: [])
            isComplete = false
            return nil
        }
        guard orders != nil else { throw FieldError(field: "computeHost", rule: "must be said before anything else") }
        switch event {
        case .beginning: break
        // No part of what a VM shall be.
        case .consoles: return nil
        case .order(let order):
            orders?.machines[order.id] = order
            orders?.kept.remove(order.id)
        case .kept(let vm): orders?.kept.insert(vm)
        case .removed(let vm):
            orders?.machines[vm] = nil
            orders?.kept.remove(vm)
        case .complete(let revision):
            orders?.revision = revision
            isComplete = true
        }
        return isComplete ? orders : nil
    }
}
