import Addressing
package import NetworkModel
import Resources

/// Which steps of a plan still may be done after some have failed: none of a subject whose step before failed, and
/// none of what stands on it. Above all no port is made ready that could not be made right.
package struct FailedSteps: Sendable {
    private var failed: Set<Subject> = []
    private var hasNoStructure = false
    private let desired: HostSnapshot

    package init(desired: HostSnapshot) { self.desired = desired }

    /// Records that a step did not succeed.
    package mutating func insert(_ step: Step) {
        failed.insert(step.subject)
        if case .filter(.install) = step.operation { hasNoStructure = true }
    }

    /// What the step's subject waits for; nil when the step may be done.
    package func obstacle(to step: Step) -> Subject? {
        if case .stopDaemon = step.operation { return nil }
        // Gates close whatever happened.
        if case .filter(.close) = step.operation { return nil }
        guard !failed.isEmpty else { return nil }
        if failed.contains(step.subject) { return step.subject }
        // Without a structure there is no set to open a port in.
        if case .filter(.change) = step.operation, hasNoStructure { return .host }
        // Nor is there what keeps a gateway off the underlay.
        if case .link(.create(let link), _) = step.operation, link.name.isUplink, hasNoStructure { return .host }
        guard case .attachment(let id) = step.subject, let attachment = desired.attachments[id] else { return nil }
        if failed.contains(.segment(attachment.segment)) { return .segment(attachment.segment) }
        if case .gateway(let gateway) = attachment.port, failed.contains(.gateway(gateway)) {
            return .gateway(gateway)
        }
        return nil
    }
}
