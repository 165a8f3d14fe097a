import Addressing
import NetworkModel
import NetworkPlanning
import NodePortsTesting
import Resources

/// One host with one segment and one attachment, to be bent by a test.
struct World {
    var model = HostModel()
    var desired: HostSnapshot
    let segment = Scenario.id(kind: 1, 1)
    let attachment = Scenario.id(kind: 2, 1)
    let gateway = Scenario.id(kind: 3, 1)
    static let vni = 0x12c

    init(port: PortKind = .tap, replication: Replication = .multicast, ipam: IPAM = .automatic) throws {
        let host = HostIdentity(
            id: Scenario.id(kind: 4, 1), name: Name("h1")!, vtep: Scenario.vtep, interface: name("eth0"), generation: 3)
        desired = HostSnapshot(revision: Revision(7), host: host, underlay: Scenario.underlay, vteps: [Scenario.vtep])
        desired.segments[segment] = DesiredSegment(
            id: segment, generation: 1, vni: try VNI(Self.vni), group: MulticastGroups.standard.base,
            mtu: try MTU(1430), ipam: ipam, prefix: try IPv6Prefix(parsing: "fd11::/64"), replication: replication,
            peers: replication == .unicast ? [Scenario.vtep, try IPv6Address(parsing: "fd00::2")] : [])
        add(port)
        set("eth0", mtu: 1500)
        model[nil]?.addresses[name("eth0")] = [InterfaceAddress(Scenario.vtep, length: 64)]
    }

    mutating func add(_ port: PortKind, as id: ResourceID? = nil) {
        let id = id ?? attachment
        desired.attachments[id] = DesiredAttachment(
            id: id, generation: 5, segment: segment, mac: MACAddress(0x026b_6300_0001), addresses: [], port: port)
    }

    mutating func set(
        _ text: String, _ kind: LinkKind = .other(""), in namespace: NamespaceName? = nil, mtu: Int = 1500,
        alias: String? = nil, master: String? = nil
    ) {
        model.set(
            name(text), in: namespace,
            HostModel.Device(
                index: model.takeIndex(), kind: kind,
                settings: LinkSettings(
                    alias: alias, mtu: mtu, master: master.map(name), isUp: true, ipv6Disabled: false)))
    }

    var plan: HostPlan { HostPlanner.plan(desired: desired, observed: model.observed) }

    /// The message that the subject is refused with, after its phase.
    func refusal(_ subject: Subject) -> String? {
        plan.refusals.first { $0.subject == subject }.map { "\($0.phase.rawValue): \($0.message)" }
    }

    /// Does the plan, with faults by operation; says what the host then reports.
    mutating func reports(failing fault: (Operation) -> String? = { _ in nil }) -> [Subject: Report] {
        let plan = plan
        var failed = FailedSteps(desired: desired)
        var outcomes: [StepOutcome] = []
        for step in plan.steps {
            if let obstacle = failed.obstacle(to: step) {
                outcomes.append(.skipped(obstacle))
                failed.insert(step)
            } else if let words = fault(step.operation) {
                outcomes.append(.failed(words))
                failed.insert(step)
            } else {
                do {
                    try model.apply(step.operation)
                    outcomes.append(.done)
                } catch {
                    outcomes.append(.failed("\(error)"))
                    failed.insert(step)
                }
            }
        }
        return PlanningState(desired: desired, observed: model.observed).reports(after: plan, outcomes: outcomes)
    }
}
