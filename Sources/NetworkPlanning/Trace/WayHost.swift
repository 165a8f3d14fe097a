import Addressing
import NFTables
import NetworkModel
import Resources

/// One host's plan, ready to be asked about frames: the elements that its snapshot means, under the rules of its tables.
struct WayHost: Sendable {
    let snapshot: HostSnapshot
    let evaluator: FrameEvaluator
    /// The gateways that route here.
    let routers: [ResourceID: GatewayRouter]
    private let indices: [ResourceID: UInt32]
    private let wanted: DesiredIndex
    /// What an attachment holds.
    var held: [ResourceID: Set<IPv6Address>] { wanted.bindings }

    init(_ snapshot: HostSnapshot) {
        let observed = ObservedHost()
        let port = snapshot.underlay.port
        let wanted = DesiredIndex(snapshot)
        let context = PlanContext(
            desired: snapshot, observed: observed, wanted: wanted, seen: ObservedIndex(observed),
            structure: KCRuleset.structure(vxlanPort: port))
        // Only what has both a segment and, being a gateway's, the role: others have a port that is closed.
        let open = snapshot.attachments.values.filter {
            !context.isHeldBack($0) && context.claimant(of: snapshot.segments[$0.segment]?.vni) == $0.segment
        }
        let elements = KCRuleset.elements(context.filterContent(opening: open).elements)
        let table = KCRuleset.tables(vxlanPort: port).first { $0.family == .bridge }
        evaluator = FrameEvaluator(
            table ?? Table(.bridge, KCRuleset.table), elements.filter { $0.family == .bridge })
        var indices: [ResourceID: UInt32] = [:]
        for (number, id) in snapshot.attachments.keys.sorted().enumerated() { indices[id] = UInt32(number + 1) }
        self.indices = indices
        self.wanted = wanted
        routers = snapshot.gateways.filter { $0.value.role == .active }.mapValues { GatewayRouter($0, context) }
        self.snapshot = snapshot
    }

    /// The port of an attachment as rules see it. Indices are this plan's own: sets that packets fill are empty.
    func interface(of attachment: DesiredAttachment) -> FrameEvaluator.Interface {
        FrameEvaluator.Interface(attachment.portName, index: indices[attachment.id] ?? 0)
    }

    /// How many pieces the policies of an attachment have, when that is more than a host builds: its port is closed.
    func oversize(of attachment: DesiredAttachment) -> Int? { wanted.oversize(of: attachment) }

    func tunnel(of segment: DesiredSegment) -> FrameEvaluator.Interface {
        FrameEvaluator.Interface(.vxlan(segment.vni), index: 1 << 24 | segment.vni.value)
    }
}

extension PlanContext {
    fileprivate func claimant(of vni: VNI?) -> ResourceID? { vni.flatMap { claimant(of: $0) } }
}
