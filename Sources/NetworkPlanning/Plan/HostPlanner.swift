package import NFTables
package import NetworkModel
package import Resources

/// Makes the ordered list of effects that takes a host from what it is to what it shall be.
///
/// Pure and deterministic: equal inputs give equal plans, whatever happened before. A plan that was carried out is
/// followed by an empty one; a plan that was cut short at any step is followed by one that leads to the same end.
package enum HostPlanner {
    /// The whole host.
    package static func plan(desired: HostSnapshot, observed: ObservedHost) -> HostPlan {
        plan(desired: desired, observed: observed, scope: .whole)
    }

    /// What `plan(desired:observed:)` says about the subjects of the scope, widened by those it depends on.
    ///
    /// Indexes both snapshots first, so it costs as much as they are large. An agent that plans one change among
    /// thousands keeps a `PlanningState` instead.
    package static func plan(desired: HostSnapshot, observed: ObservedHost, scope: PlanScope) -> HostPlan {
        plan(in: context(desired: desired, observed: observed), scope: scope)
    }

    /// Whom a plan of that scope speaks of: the scope's subjects and those it depends on.
    package static func subjects(desired: HostSnapshot, observed: ObservedHost, scope: PlanScope) -> Set<Subject> {
        ClosedScope(scope, in: context(desired: desired, observed: observed)).subjects
    }

    private static func context(desired: HostSnapshot, observed: ObservedHost) -> PlanContext {
        let seen = ObservedIndex(observed)
        return PlanContext(
            desired: desired, observed: observed, wanted: DesiredIndex(desired), seen: seen,
            structure: FilterStructures.of(desired.underlay).structure(
                leadsUplinks: FilterStructures.leadsUplinks(desired, seen: seen), present: observed.filter.digest))
    }

    /// The packet filter's structure of a host on this underlay that leads no gateway's uplink.
    package static func structure(for underlay: Underlay.Spec) -> Ruleset {
        FilterStructures.of(underlay).plain
    }

    /// Whether a host may have the structure with that digest.
    package static func admits(structure digest: String, for desired: HostSnapshot) -> Bool {
        let structures = FilterStructures.of(desired.underlay)
        return digest == structures.leading.digest
            || digest == structures.plain.digest && !FilterStructures.leadsUplinks(desired, seen: ObservedIndex())
    }

    /// What the packet filter holds when all ports are as they shall be.
    package static func filterContent(for desired: HostSnapshot) -> FilterContent {
        PlanContext(
            desired: desired, observed: ObservedHost(), wanted: DesiredIndex(desired), seen: ObservedIndex(),
            structure: structure(for: desired.underlay)
        ).filterContent(opening: Array(desired.attachments.values))
    }

    /// The elements of the ports of some attachments, with those that all ports of their segments share, as they shall be.
    package static func guardElements(of ids: Set<ResourceID>, for desired: HostSnapshot) -> [GuardElement] {
        let context = PlanContext(
            desired: desired, observed: ObservedHost(), wanted: DesiredIndex(desired), seen: ObservedIndex(),
            structure: structure(for: desired.underlay))
        let attachments = ids.compactMap { desired.attachments[$0] }
        let segments = Set(attachments.map(\.segment)).compactMap { desired.segments[$0] }
        return attachments.flatMap(context.guardElements(of:)) + segments.flatMap(context.tunnelElements(of:))
    }

    static func plan(in context: PlanContext, scope: PlanScope) -> HostPlan {
        var draft = PlanDraft(context: context, scope: scope)
        let segments = draft.scope.segments.sorted()
        let attachments = draft.scope.attachments.sorted()
        let gateways = draft.scope.gateways.sorted()
        if draft.scope.host { draft.planFilter() }
        for id in gateways { draft.planNamespace(of: id) }
        for id in segments { draft.planSegment(id) }
        for id in segments { draft.planTable(of: id) }
        for id in attachments { draft.planAttachment(id) }
        for id in gateways { draft.planServices(of: id) }
        if scope.isWhole || scope.host {
            draft.planStrays()
            draft.planUnfinishedNamespaces()
        }
        return draft.plan
    }
}
