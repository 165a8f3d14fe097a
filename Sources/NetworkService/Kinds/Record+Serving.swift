import Addressing
import NetworkModel
import NetworkPlanning
import Resources

/// Who may write which name: in a zone that is a project's alone, everything; in one that projects share, names under
/// the project's own label; in a reverse zone, the addresses and prefixes that the project holds at that moment.
extension Record: ServedKind {
    static var tag: Kind { .record }
    static func wrap(_ resource: Resource<Record>) -> AnyResource { .record(resource) }
    static func unwrap(_ resource: AnyResource) -> Resource<Record>? {
        if case .record(let record) = resource { record } else { nil }
    }

    /// Of one project: what keeps one from filling the zones of all.
    static let maximumPerProject = 1000
    /// Of all values of a record together.
    static let mostOctets = 16_384

    static func admit(_ spec: Spec, _ plan: inout WritePlan, _ state: inout CacheState) throws(Problem) -> (
        spec: Spec, assigned: Assigned
    ) {
        let count = plan.projectID.flatMap { state.names.recordsOfProject[$0] } ?? 0
        guard count < maximumPerProject else {
            throw Problem(
                .conflict, "the project has \(count) records, and \(maximumPerProject) are the most; delete some first",
                field: "spec")
        }
        var spec = spec
        try requireAnswerable(spec)
        let (zone, item) = try resolveZone(&spec, plan, state)
        plan.refer(to: item)
        let owner = try owner(of: spec, in: zone, plan, state)
        try requireFree(spec, owner, for: plan.id, zone, state)
        plan.claim(StoreLayout.record(zone: item.id, RecordSetKey(owner, spec.type)), for: plan.id)
        return (spec, Assigned(owner: owner))
    }

    static func admit(
        _ spec: Spec, name: Name, over old: Resource<Record>, _ plan: inout WritePlan, _ state: inout CacheState
    ) throws(Problem) -> (spec: Spec, assigned: Assigned) {
        var spec = spec
        try requireAnswerable(spec)
        let (zone, item) = try resolveZone(&spec, plan, state)
        guard spec.zone == old.spec.zone else {
            throw Problem(
                field: "spec.zone", value: item.name.text, rule: "must not change; create another record in that zone")
        }
        let owner = try owner(of: spec, in: zone, plan, state)
        try requireFree(spec, owner, for: plan.id, zone, state)
        plan.move(
            StoreLayout.record(zone: item.id, RecordSetKey(old.assigned.owner, old.spec.type)),
            to: StoreLayout.record(zone: item.id, RecordSetKey(owner, spec.type)), for: plan.id)
        return (spec, Assigned(owner: owner))
    }

    static func release(_ old: Resource<Record>, _ plan: inout WritePlan, _ state: inout CacheState) throws(Problem) {
        guard let zone = old.spec.zone.id else { return }
        plan.delete(StoreLayout.record(zone: zone, RecordSetKey(old.assigned.owner, old.spec.type)))
    }

    /// Refuses what no answer has room for (RFC 1035 section 4.2.2: 65,535 octets, signatures and all), nor any copy of the
    /// zone. Not where documents are decoded: a store may have such a set.
    private static func requireAnswerable(_ spec: Spec) throws(Problem) {
        let octets = spec.values.reduce(0) { $0 + $1.description.utf8.count }
        guard octets <= mostOctets else {
            throw Problem(
                field: "spec.values", value: "\(octets) octets",
                rule: "must be at most \(mostOctets) octets together: an answer has all of them")
        }
    }

    private static func resolveZone(_ spec: inout Spec, _ plan: WritePlan, _ state: CacheState) throws(Problem) -> (
        Resource<Zone>, Item
    ) {
        let item = try state.resolve(spec.zone, as: Zone.self, in: nil, field: "spec.zone")
        // A zone that one may not know of is none.
        guard plan.principal.isToldOf(item, state) else {
            throw Problem(field: "spec.zone", value: spec.zone.description, rule: "must be a zone that exists")
        }
        spec.zone = .id(item.id)
        guard let zone = Zone.unwrap(item.resource), let project = plan.projectID,
            zone.spec.projects.isEmpty || zone.spec.projects.contains(.id(project))
        else {
            throw Problem(
                field: "spec.zone", value: item.name.text,
                rule: "must be a zone that is given to the project (its 'projects')")
        }
        return (zone, item)
    }

    /// The whole name of the record, if the project may have it.
    private static func owner(
        of spec: Spec, in zone: Resource<Zone>, _ plan: WritePlan, _ state: CacheState
    ) throws(Problem) -> DomainName {
        let domain = zone.spec.domain
        func refuse(_ rule: String) -> Problem {
            Problem(field: "spec.name", value: spec.name.description, rule: rule)
        }
        guard let owner = spec.name.owner(in: domain), let labels = owner.labels(below: domain),
            let project = plan.projectID
        else { throw refuse("must have a place in \(domain), and at most 255 octets with it") }
        let isOwn = zone.spec.projects == [.id(project)]
        if domain.isReverse {
            try requireHeld(spec, owner, zone, isOwn: isOwn, project, state)
            return owner
        }
        guard labels.last != NameTable.serversLabel else {
            throw refuse("must not be in 'ns', where the zone's servers have their names")
        }
        let label = state.items[project]?.name.text
        let isShared = !isOwn || (zone.spec.attachments && labels.last == label)
        guard isShared else { return owner }
        let below = labels.dropLast().drop { $0.hasPrefix("_") }
        guard labels.last == label, below.count <= 1 else {
            throw refuse(
                "must be '\(label ?? "")' or one label before it, with labels that begin with '_' before that: projects "
                    + "share zone '\(zone.metadata.name)', where '<attachment>.<segment>.\(label ?? "")' is KC's to name"
            )
        }
        guard spec.type != .ns else {
            throw Problem(
                field: "spec.type", value: spec.type.rawValue,
                rule: "must not be NS in a zone that projects share: what is below would vanish from it")
        }
        return owner
    }

    private static func requireHeld(
        _ spec: Spec, _ owner: DomainName, _ zone: Resource<Zone>, isOwn: Bool, _ project: ResourceID,
        _ state: CacheState
    ) throws(Problem) {
        switch spec.name {
        case .prefix6, .address4:
            guard state.names.table.holds(project, RecordSetKey(owner, spec.type), in: zone.metadata.id) else {
                throw Problem(
                    field: "spec.name", value: spec.name.description,
                    rule: spec.type == .ptr
                        ? "must be an address that an attachment or a mapping of the project holds now"
                        : "must be a prefix delegated to an attachment of the project")
            }
        case .top, .labels:
            guard isOwn, spec.type != .ptr, spec.type != .ns else {
                throw Problem(
                    field: "spec.name", value: spec.name.description,
                    rule: "must be an address (PTR) or a prefix (NS) in a reverse zone")
            }
        }
    }

    private static func requireFree(
        _ spec: Spec, _ owner: DomainName, for id: ResourceID, _ zone: Resource<Zone>, _ state: CacheState
    ) throws(Problem) {
        let others = state.names.records[zone.metadata.id]?[owner] ?? [:]
        if let holder = others[spec.type], holder != id {
            throw Problem(
                .nameTaken, field: "spec.name", value: spec.name.description,
                rule: "has its \(spec.type.rawValue) by \(state.place(holder)); change that one")
        }
        for (type, holder) in others where holder != id && (type == .cname || spec.type == .cname) {
            throw Problem(
                .conflict, field: "spec.type", value: spec.type.rawValue,
                rule:
                    "must not stand beside the \(type.rawValue) of \(state.place(holder)): a CNAME is alone at its name"
            )
        }
        if spec.type == .cname, state.names.table.isMade(owner, in: zone.metadata.id) {
            throw Problem(
                .conflict, field: "spec.name", value: spec.name.description,
                rule: "must not be a name that KC made: a CNAME is alone at its name (RFC 1034 section 3.6.2)")
        }
    }
}
