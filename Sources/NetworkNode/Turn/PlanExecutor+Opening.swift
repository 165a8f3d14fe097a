import NetworkPlanning
import NodePorts

/// Many devices at once: the ports among them are opened while the next are made. The kernel makes devices under one
/// lock and changes the packet filter under another.
extension PlanExecutor {
    /// So many operations on devices go to the kernel before what they made is opened.
    static let stretch = 128

    /// Does the steps of devices in order. The opening of a port or a tunnel is done when all steps of its subject are,
    /// beside those of others. What is nobody's port (rules of policies) comes first; ports that are there already last.
    func apply(_ devices: [Step], opening: [Step], in run: inout Run) async {
        let openings = Dictionary(grouping: opening, by: \.subject)
        var left: [Subject: Int] = [:]
        for step in devices { left[step.subject, default: 0] += 1 }
        let unmoved = opening.filter { left[$0.subject] == nil }
        var due = run.admissible(unmoved.filter { !$0.subject.isAttachment })
        for begin in stride(from: 0, to: devices.count, by: Self.stretch) {
            let stretch = devices[begin..<min(begin + Self.stretch, devices.count)]
            let (making, whole) = (run.admissible(stretch), due)
            async let opened = filtered(whole)
            run.note(await linked(making))
            run.note(await opened)
            due = []
            for step in stretch {
                left[step.subject, default: 0] -= 1
                if left[step.subject] == 0 { due += run.admissible(openings[step.subject] ?? []) }
            }
        }
        due += run.admissible(unmoved.filter(\.subject.isAttachment))
        run.note(await filtered(due))
    }
}

extension PlanExecutor.Run {
    /// Those of the steps that may be tried now; the others are noted as skipped.
    mutating func admissible(_ steps: some Sequence<Step>) -> [Step] {
        steps.filter { step in
            guard let obstacle = obstacle(to: step) else { return true }
            outcome.skipped.append((step, obstacle))
            return false
        }
    }
}

extension Subject {
    fileprivate var isAttachment: Bool { if case .attachment = self { true } else { false } }
}

extension Operation {
    /// On a device of the host's own namespace.
    var isHosts: Bool { if case .link(_, in: nil) = self { true } else { false } }

    /// Changes the elements of a port or a table, which are all of one owner: in any order with those of others.
    var opensPort: Bool { if case .filter(.change) = self { true } else { false } }
}
