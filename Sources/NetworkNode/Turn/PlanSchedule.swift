package import NetworkPlanning

/// What of a plan is done at once, and what waits for a turn that has nothing better to do. Pure.
///
/// Deleting a bridge, a VXLAN device or a namespace costs the kernel 17 ms and more, in which a new port would wait.
/// A plan has the removals that hurry nobody at its end; only these may wait.
package struct PlanSchedule: Hashable, Sendable {
    package let now: [Step]
    package let later: [Step]

    package init(_ steps: [Step]) {
        let end = steps.lastIndex { !$0.operation.isRemoval }.map { $0 + 1 } ?? 0
        now = Array(steps[..<end])
        later = Array(steps[end...])
    }
}

extension Operation {
    var isRemoval: Bool {
        switch self {
        case .link(.delete, _), .deleteNamespace: true
        default: false
        }
    }
}
