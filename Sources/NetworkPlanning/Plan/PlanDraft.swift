import Addressing
import NFTables
import NetworkModel
import Resources

/// A plan while it is being made: steps by phase, so that each part of the planner can put its steps where they belong
/// in the order of the whole.
struct PlanDraft {
    /// In the order of execution. Why it is so:
    /// - the guard looks at what a port gets before the port may get less, and no more only when it may get all;
    /// - daemons say goodbye while their ports still forward;
    /// - what shall not forward stops before anything changes under it;
    /// - what is in the way goes before what takes its place;
    /// - a port forwards when all that it stands on is there;
    /// - what merely is not wanted any more goes last, ports before what they are on: it costs much and hurries nobody.
    enum Phase: Int, CaseIterable {
        case lookAtMembers
        case filter
        case goodbye
        case gate
        case clearPorts, clearTunnels, clearBridges
        case namespaces
        case segments
        case ports
        case ready
        case takeMembers
        case gateways
        case removeNamespaces, removePorts, removeTunnels, removeBridges
    }

    let context: PlanContext
    let scope: ClosedScope
    /// The ports that forward once the filter phase is done and gates are closed.
    var ready: Set<InterfaceName>
    /// What this plan's installation puts in; nil when it makes none.
    var installed: FilterContent?
    /// Owners whose elements this plan has looked at.
    var settled: Set<GuardOwner> = []
    /// Ports whose group this plan takes away, and those whose group it has decided about.
    var lookedAt: Set<InterfaceName> = []
    var grouped: Set<InterfaceName> = []
    private(set) var refusals: [Refusal] = []
    /// The subjects of `refusals`.
    private(set) var refused: Set<Subject> = []
    /// Segments and gateways that are not carried, and why: their ports share the fate.
    var refusedSegments: [ResourceID: Refusal] = [:]
    var refusedGateways: [ResourceID: Refusal] = [:]
    /// Attachments whose devices are made in this plan: nothing that was on former ones counts.
    var made: Set<ResourceID> = []
    /// Gateways whose uplink cannot be had now.
    var refusedUplinks: Set<ResourceID> = []
    /// Gateways whose uplink's device is another after this plan.
    var remadeUplinks: Set<ResourceID> = []
    /// Gateways whose firewall this plan installs, with all that is known.
    var reinforced: Set<ResourceID> = []
    /// Gateways whose guests' proxy this plan has given its configuration.
    var proxied: Set<ResourceID> = []
    /// Daemons that this plan ends.
    var stopped: Set<String> = []
    private var crowdedOut: [ResourceID: Set<ResourceID>] = [:]
    private var phases: [[Step]] = Array(repeating: [], count: Phase.allCases.count)

    init(context: PlanContext, scope: PlanScope) {
        self.context = context
        self.scope = ClosedScope(scope, in: context)
        ready = context.observed.filter.ready
    }

    var plan: HostPlan {
        var phases = phases
        // A port may be shut for the sake of its former or its next owner, whichever is planned first: by name, then,
        // so that the order does not depend on the scope.
        for phase in [Phase.lookAtMembers, .gate] {
            phases[phase.rawValue].sort { $0.operation.shutPort ?? .loopback < $1.operation.shutPort ?? .loopback }
        }
        return HostPlan(steps: phases.flatMap { $0 }, refusals: refusals)
    }

    mutating func add(_ operation: Operation, for subject: Subject, in phase: Phase) {
        phases[phase.rawValue].append(Step(operation, for: subject))
    }

    mutating func refuse(_ subject: Subject, _ phase: Report.Phase, _ message: String) {
        refuse(Refusal(subject, phase, message))
    }

    mutating func refuse(_ refusal: Refusal) {
        refusals.append(refusal)
        refused.insert(refusal.subject)
    }

    /// Takes a port's elements away, so that it does not forward, once: for the sake of whom its device serves now, or of
    /// `subject` when it has none.
    mutating func gate(_ name: InterfaceName, for subject: Subject) {
        let elements = current(.port(name))
        let subject = context.seen.marks[name]?.subject ?? subject
        lookAtMembers(to: name, for: subject)
        guard ready.remove(name) != nil else { return }
        add(.filter(.close(name, elements.sorted())), for: subject, in: .gate)
    }

    /// Whether the attachment finds room on its segment's bridge.
    mutating func hasRoom(_ attachment: DesiredAttachment) -> Bool {
        if crowdedOut[attachment.segment] == nil {
            crowdedOut[attachment.segment] = context.crowdedOut(of: attachment.segment)
        }
        return crowdedOut[attachment.segment]?.contains(attachment.id) != true
    }
}

extension Operation {
    fileprivate var shutPort: InterfaceName? {
        switch self {
        case .filter(.close(let name, _)), .link(.change(let name, _), in: nil): name
        default: nil
        }
    }
}
