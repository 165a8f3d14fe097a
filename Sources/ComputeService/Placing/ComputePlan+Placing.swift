import ComputeModel
import Persistence
import Placement
import Resources

/// How a plan reserves room at a host.
extension ComputePlan {
    /// Reserves the best place for a VM, or says why there is none.
    /// - Parameter item: nil for a VM that this plan makes.
    /// - Returns: whether it has a place now.
    @discardableResult
    mutating func seat(_ request: PlacementRequest, item: ComputeItem?, _ state: inout ComputeState) -> Bool {
        if let host = state.placer.choose(request)?.host, let seen = state.seen(host, item) {
            reserve(PlacementReservation(placing: request.id, on: host, seen: seen), of: item)
            if state.obstacles[request.id] != nil { delete(ComputeLayout.obstacle(request.id)) }
            return true
        }
        let reason = state.placer.explain(request).summary
        if state.obstacles[request.id]?.value.reason != reason {
            // Somebody else may have found a place meanwhile.
            require(.absent(ComputeLayout.place(request.id)))
            put(ComputeLayout.obstacle(request.id), Hindrance(reason, since: now).json)
        }
        return false
    }

    /// - Parameter item: of the VM; nil for the plan's new one, whose own write demands that it is new.
    private mutating func reserve(_ reservation: PlacementReservation, of item: ComputeItem?) {
        for precondition in reservation.preconditions {
            switch precondition {
            case .unchanged(.vm, let revision): if let item { require(.modified(item.key, revision)) }
            case .unchanged(let record, let revision): demand(record) { .modified($0, revision) }
            case .absent(let record): demand(record) { .absent($0) }
            }
        }
        put(ComputeLayout.place(reservation.vm), VirtualMachinePlace(host: reservation.host, since: now).json)
        put(ComputeLayout.load(reservation.host), [])
    }

    /// Gives a place back.
    mutating func vacate(_ reservation: PlacementReservation) {
        for case .unchanged(let record, let revision) in reservation.preconditions {
            demand(record) { .modified($0, revision) }
        }
        delete(ComputeLayout.place(reservation.vm))
        put(ComputeLayout.load(reservation.host), [])
    }

    /// Demands that nothing was placed on a host, and that it has what it had, since `state`.
    mutating func hold(_ host: ResourceID, _ state: ComputeState) {
        guard let seen = state.seen(host, nil) else { return }
        demand(.load(host: host)) { .modified($0, seen.load) }
        demand(.host(host)) { .modified($0, seen.host) }
        demand(.report(host: host)) { .modified($0, seen.report) }
    }

    private mutating func demand(
        _ record: PlacementReservation.Record, _ condition: (StoreKey) -> StoreTransaction.Condition
    ) {
        switch record {
        // A VM's key has its project in it; whoever changes the VM demands it itself.
        case .vm: return
        case .place(let vm): require(condition(ComputeLayout.place(vm)))
        case .host(let host): require(condition(ComputeLayout.resource(.computeHost, project: nil, host)))
        case .report(let host): require(condition(ComputeLayout.report(host)))
        case .load(let host): require(condition(ComputeLayout.load(host)))
        }
    }
}

extension ComputeState {
    /// At which revisions the cache saw what a placement on a host is decided by; nil when a part of it is not there.
    /// - Parameter vm: nil for one that does not exist yet.
    func seen(_ host: ResourceID, _ vm: ComputeItem?) -> PlacementReservation.Seen? {
        guard let item = items[host], let report = reports[host]?.revision, let load = loads[host] else { return nil }
        return PlacementReservation.Seen(
            vm: vm?.revision ?? .zero, host: item.revision, report: report, load: load)
    }
}
