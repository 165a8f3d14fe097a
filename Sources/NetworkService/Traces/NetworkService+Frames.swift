import Addressing
package import NetworkModel
import NetworkPlanning
package import Resources
import Synchronization

extension NetworkService {
    /// Why a frame is dropped at an attachment's port, and whose it is: from the plans of now.
    package func explain(
        _ frame: DroppedFrame, project: String, attachment: String
    ) async throws(Problem) -> FrameExplanation {
        let item = try await find(.attachment, project: project, attachment)
        let (snapshots, names) = try cache.state.withLock { state throws(Problem) in
            var extent = TraceExtent()
            state.add(item.id, nil, to: &extent)
            var snapshots: [HostSnapshot] = []
            for host in extent.hosts.sorted() {
                if let snapshot = try state.snapshot(of: host, extent) { snapshots.append(snapshot) }
            }
            return (snapshots, state.names(extent))
        }
        let isSender = frame.direction == .from
        let writer = TraceWriter(WayPredictor(snapshots), names: names)
        guard
            let step = writer.step(
                ofFrame: frame.bytes, length: frame.length, at: item.id, isSender: isSender, reason: frame.reason)
        else {
            throw Problem(
                .conflict, "attachment '\(item.name)' is in no host's plan, or the bytes are no frame", field: "bytes")
        }
        return cache.state.withLock { $0.explanation(step, frame, at: item, isSender: isSender) }
    }
}

extension CacheState {
    fileprivate func explanation(
        _ step: TraceStep, _ frame: DroppedFrame, at item: Item, isSender: Bool
    ) -> FrameExplanation {
        let claim = WayPacket.claim(inFrame: frame.bytes)
        let segment = resource(item.id, as: Attachment.self)?.spec.segment.id
        let holder = claim.flatMap { owner(of: $0, near: segment) }.flatMap { items[$0] }
        guard isSender else {
            guard let holder, holder.id != item.id else { return FrameExplanation(step: step, sender: .outside) }
            guard holder.projectID != item.projectID else {
                return FrameExplanation(step: step, sender: .project, name: holder.name.text)
            }
            let owner = holder.projectID.flatMap { items[$0]?.name.text } ?? "?"
            return FrameExplanation(
                step: step, sender: .tenant, name: "\(owner)/\(holder.name)",
                suspicion: "another tenant sends this, and no policy here names it: an attack, or somebody's mistake")
        }
        var explanation = FrameExplanation(step: step, sender: .itself)
        if let claim, let holder, holder.id != item.id {
            let who = holder.projectID == item.projectID ? "'\(holder.name)'" : "another tenant's attachment"
            explanation.suspicion =
                "its guest speaks for \(claim), which is \(who)'s: an attack, or a wrong address in the guest; do not allow it"
            explanation.step.mend = nil
        } else if let reason = DropExplanation(rawValue: frame.reason), reason.isOfRouters {
            explanation.suspicion =
                "its guest speaks as the segment's router: an attack on its neighbours, or a router that is none here"
        }
        return explanation
    }

    /// Who has an address: on the segment first, then anywhere (no two attachments have one global address).
    private func owner(of address: IPv6Address, near segment: ResourceID?) -> ResourceID? {
        if let segment, let binding = binding(of: address, on: segment) { return binding.attachment }
        guard !address.isLinkLocal else { return nil }
        let prefix = holders.prefix[address.high]
        return prefix.flatMap { binding(of: address, on: $0)?.attachment }
    }
}

extension DropExplanation {
    /// What only a router may send.
    fileprivate var isOfRouters: Bool {
        switch self {
        case .rogueRA, .rogueDHCP, .rogueMLD, .redirect: true
        default: false
        }
    }
}
