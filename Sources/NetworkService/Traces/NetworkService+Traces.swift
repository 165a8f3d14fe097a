import Addressing
package import NetworkModel
import NetworkPlanning
package import Persistence
package import Resources
import Synchronization

extension NetworkService {
    /// Predicts a way from the plans that the hosts concerned are given: no host is asked, nothing is written.
    ///
    /// Ends that the principal may not know of are as if they were not there.
    package func trace(
        project: String, _ draft: TraceDraft, for principal: Principal
    ) async throws(Problem) -> Trace {
        let owner = try await find(.project, project).id
        let material: TraceMaterial
        if let revision = draft.at {
            material = try TraceMaterial(try await state(at: revision, of: owner), owner, draft, principal)
        } else {
            material = try cache.state.withLock { state throws(Problem) in
                try TraceMaterial(state, owner, draft, principal)
            }
        }
        // Out of the lock: the elements of the ports are many.
        let predictor = WayPredictor(material.snapshots)
        let question = WayQuestion(
            from: material.end(material.from, predictor, source: draft.source, isIPv4: material.isIPv4(draft)),
            to: material.end(material.to, predictor, isIPv4: material.isIPv4(draft)),
            flow: draft.flow, fromPort: draft.fromPort ?? TraceFlow.standardFromPort)
        var trace = TraceWriter(predictor, names: material.names).trace(
            predictor.predict(question, recording: true), revision: draft.at ?? material.revision)
        if draft.at != nil {
            trace.notes.append("learned addresses have no history: those of now are taken")
        }
        return trace
    }
}

/// What the plans on a way are made of, taken out of one state.
struct TraceMaterial: Sendable {
    enum End: Sendable {
        case attachment(ResourceID, address: IPv6Address?)
        case outside(IPv6Address)
        case outsideIPv4(IPv4Address)
    }

    var revision: Revision
    var from: End
    var to: End
    var snapshots: [HostSnapshot]
    var names: [ResourceID: String]

    init(
        _ state: CacheState, _ project: ResourceID, _ draft: TraceDraft, _ principal: Principal
    ) throws(Problem) {
        revision = state.revision
        from = try state.traceEnd(draft.from, in: project, field: "from", for: principal)
        to = try state.traceEnd(draft.to, in: project, field: "to", for: principal)
        switch (from, to) {
        case (.attachment(let left, _), .outsideIPv4(let address)) where state.isInside(address, segmentOf: left):
            to = state.inside(address, segmentOf: left, draft.to, principal)
        case (.outsideIPv4(let address), .attachment(let right, _)) where state.isInside(address, segmentOf: right):
            from = state.inside(address, segmentOf: right, draft.from, principal)
        default: break
        }
        switch (from, to) {
        case (.attachment(let left, _), .attachment(let right, _)) where left == right:
            throw Problem(.conflict, "both ends are one attachment: a way has two", field: "to", value: draft.to)
        case (.attachment, _), (_, .attachment): break
        default:
            throw Problem(
                .conflict, "neither end is an attachment of the project: nothing of that way is KC's", field: "from",
                value: String(draft.from.prefix(64)))
        }
        var extent = TraceExtent()
        for case .attachment(let id, let address) in [from, to] { state.add(id, address, to: &extent) }
        for case .outside(let address) in [from, to] { state.addRouters(of: address, to: &extent) }
        snapshots = []
        for host in extent.hosts.sorted() {
            if let snapshot = try state.snapshot(of: host, extent) { snapshots.append(snapshot) }
        }
        names = state.names(extent)
    }

    /// The flow is of IPv4, or an end is given by an address of it inside a segment.
    func isIPv4(_ draft: TraceDraft) -> Bool {
        if case .icmp = draft.flow { return true }
        return draft.source?.isIPv4Mapped == true
            || [from, to].contains { end in
                switch end {
                case .attachment(_, let address): address?.isIPv4Mapped == true
                case .outside(let address): address.isIPv4Mapped
                case .outsideIPv4: false
                }
            }
    }

    func end(
        _ end: End, _ predictor: WayPredictor, source: IPv6Address? = nil, isIPv4: Bool = false
    ) -> WayQuestion.End {
        switch end {
        case .attachment(let id, let address):
            .attachment(
                id,
                source ?? address
                    ?? (isIPv4
                        ? predictor.attachment(id)?.ipv4?.mapped ?? .unspecified : ownAddress(id, predictor)))
        case .outside(let address): .outside(source ?? address)
        case .outsideIPv4(let address): .outsideIPv4(address)
        }
    }

    /// The global one, unless both are on one segment and one of them has none.
    private func ownAddress(_ id: ResourceID, _ predictor: WayPredictor) -> IPv6Address {
        var isGlobal = true
        if case .attachment(let left, _) = from, case .attachment(let right, _) = to,
            let one = predictor.attachment(left), let other = predictor.attachment(right), one.segment == other.segment
        {
            isGlobal = [left, right].allSatisfy { predictor.address(of: $0)?.isLinkLocal == false }
        }
        return predictor.address(of: id, global: isGlobal) ?? .unspecified
    }
}

/// The resources that the plans of a way need.
struct TraceExtent {
    var hosts: Set<ResourceID> = []
    var segments: Set<ResourceID> = []
    var attachments: Set<ResourceID> = []
    var gateways: Set<ResourceID> = []
    var policies: Set<ResourceID> = []
}
