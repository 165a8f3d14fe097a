import ComputeModel
import Persistence
import Resources

extension Image: ServedCompute {
    static let tag = ComputeKind.image

    /// What the bytes are never changes: an image with other bytes is another image.
    static func admit(
        _ spec: Spec, over old: Resource<Image>?, _ plan: inout ComputePlan, _ state: inout ComputeState
    ) throws(Problem) -> (spec: Spec, assigned: Nothing) {
        if spec.isShared, old?.spec.isShared != true, !plan.principal.mayShare {
            throw Problem(
                .forbidden, "spec.shared: only who is operator or admin over all projects offers images to all")
        }
        guard let old else {
            if let rule = spec.refusalOfAddress {
                // Not the address itself: it may hold a password.
                throw Problem(field: "spec.url", value: "", rule: rule)
            }
            return (spec, Nothing())
        }
        try requireSame(spec.format.rawValue, old.spec.format.rawValue, "format")
        try requireSame(spec.architecture.rawValue, old.spec.architecture.rawValue, "architecture")
        try requireSame("\(spec.size)", "\(old.spec.size)", "size")
        try requireSame("\(spec.sha256)", "\(old.spec.sha256)", "sha256")
        try requireSame(spec.url ?? "", old.spec.url ?? "", "url")
        if old.spec.isShared, !spec.isShared { try requireNoStrangers(old.metadata.id, plan, state) }
        return (spec, Nothing())
    }

    private static func requireSame(_ new: String, _ old: String, _ field: String) throws(Problem) {
        guard new != old else { return }
        throw Problem(
            field: "spec.\(field)", value: new,
            rule: "must stay \(old): an image with other bytes is another image")
    }

    private static func requireNoStrangers(
        _ id: ResourceID, _ plan: ComputePlan, _ state: ComputeState
    ) throws(Problem) {
        let strangers = state.users[id, default: []].count { state.items[$0]?.projectID != plan.project?.id }
        guard strangers > 0 else { return }
        throw Problem(
            .inUse, "\(strangers) VMs of other projects use the image", field: "spec.shared", value: "false",
            rule: "must stay true while other projects use the image")
    }

    static func release(
        _ old: Resource<Image>, _ plan: inout ComputePlan, _ state: inout ComputeState
    ) throws(Problem) {
        try state.requireUnused(old.metadata, kind)
        plan.requireUnreferred(old.metadata.id, state)
    }

    static func writeStatus(
        _ resource: Resource<Image>, _ item: ComputeItem, _ view: ComputeView, to writer: inout JSONWriter
    ) {
        let report = item.status.image ?? ImageReport(state: .uploading, received: 0)
        writer.member("state", report.state)
        writer.member("received", report.received)
        if !report.message.isEmpty { writer.member("message", report.message) }
    }
}
