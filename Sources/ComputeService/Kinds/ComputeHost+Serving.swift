import ComputeModel
import Persistence
import Resources

extension ComputeHost: ServedCompute {
    static let tag = ComputeKind.computeHost

    static func resolve(
        _ spec: Spec, over old: Spec?, _ directory: any NetworkDirectory, _ project: ProjectIdentity?
    ) async throws(Problem) -> Spec {
        guard spec.host != old?.host else { return spec }
        var spec = spec
        do { spec.host = .id(try await directory.host(spec.host)) } catch { throw error.about("spec.host") }
        return spec
    }

    static func admit(
        _ spec: Spec, over old: Resource<ComputeHost>?, _ plan: inout ComputePlan, _ state: inout ComputeState
    ) throws(Problem) -> (spec: Spec, assigned: Nothing) {
        if let old {
            guard spec.host == old.spec.host else {
                throw Problem(
                    field: "spec.host", value: "\(spec.host)", rule: "must stay \(old.spec.host)")
            }
            return (spec, Nothing())
        }
        guard let host = spec.host.id else { throw Problem(.internal, "the host was not resolved") }
        if let other = state.all(.computeHost, project: nil).first(where: {
            $0.unwrap(ComputeHost.self)?.spec.host.id == host
        }) {
            throw Problem(.inUse, field: "spec.host", value: "\(host)", rule: "is the host of '\(other.name)' already")
        }
        plan.claim(ComputeLayout.host(host))
        // Made with the host: what a placement compares must be there.
        plan.put(ComputeLayout.load(plan.id), [])
        return (spec, Nothing())
    }

    static func release(
        _ old: Resource<ComputeHost>, _ plan: inout ComputePlan, _ state: inout ComputeState
    ) throws(Problem) {
        let id = old.metadata.id
        let residents = state.residents[id, default: []].count
        guard residents == 0 else {
            throw Problem(
                .inUse, "\(residents) VMs are placed on compute host '\(old.metadata.name)': drain it first")
        }
        // Nothing was placed here since this was looked at.
        let load = ComputeLayout.load(id)
        plan.require(state.loads[id].map { .modified(load, $0) } ?? .absent(load))
        plan.delete(load)
        if let host = old.spec.host.id { plan.delete(ComputeLayout.host(host)) }
        for key in [ComputeLayout.agent(id), ComputeLayout.arrival(id)] { plan.delete(key) }
        // Nobody will say any more that they are done.
        for (vm, place) in state.removals where place.host == id { plan.delete(ComputeLayout.removal(vm)) }
    }

    static func writeStatus(
        _ resource: Resource<ComputeHost>, _ item: ComputeItem, _ view: ComputeView, to writer: inout JSONWriter
    ) {
        let status = item.status
        let state = ComputeHostState(spec: resource.spec, report: status.host, vms: status.vms)
        writer.member("state", state.word)
        writer.member("vms", UInt64(status.vms))
        if case .lost(let loss) = state { writer.member("lost", loss) }
        guard let report = status.host else { return }
        writer.member("architecture", report.architecture)
        writer.member("kvm", report.hasKVM)
        writer.member("capacity", report.capacity)
        writer.member("allocatable", status.allocatable)
        writer.member("free", status.free)
        if !report.foreign.isEmpty { writer.member("foreign", report.foreign) }
        if !report.message.isEmpty { writer.member("message", report.message) }
    }
}

extension ComputeHostState {
    /// One word for programs.
    var word: String {
        switch self {
        case .ready: "ready"
        case .cordoned: "cordoned"
        case .draining: "draining"
        case .drained: "drained"
        case .lost: "lost"
        case .unknown: "unknown"
        }
    }
}

extension Problem {
    /// The same, of that field of the document.
    func about(_ field: String) -> Problem {
        // In a document, what it names and is not there is one of its faults, as everywhere: only what stands in a path is
        // itself not there.
        if code == .notFound { return Problem(field: field, value: value ?? "", rule: rule ?? detail) }
        var problem = self
        problem.field = field
        problem.detail = "\(field): \(detail)"
        return problem
    }
}
