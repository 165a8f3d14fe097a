import Addressing
import NFTables
import NetworkModel
import Resources

/// The group of ports that get whatever members of their segment send: the guard asks for it before it looks into `to`.
///
/// It never says more than the elements do: it goes before anything is taken from them, and comes behind what is added. An
/// agent that dies between the two leaves a port that is looked at once more than it needs.
extension PlanDraft {
    /// Has the guard look at what the port gets, once, before its elements change.
    mutating func lookAtMembers(to name: InterfaceName, for subject: Subject) {
        // An operator's interface is marked before anything of it changes; it is looked at again then.
        guard context.observed.links.links[name]?.settings.takesMembers == true, context.seen.marks[name] != nil,
            lookedAt.insert(name).inserted
        else { return }
        add(.link(.change(name, LinkChange(takesMembers: false))), for: subject, in: .lookAtMembers)
    }

    /// The group of a port with these elements, once.
    mutating func settleGroup(of attachment: DesiredAttachment, as elements: [GuardElement]) {
        let name = attachment.portName
        guard grouped.insert(name).inserted else { return }
        let subject = Subject.attachment(attachment.id)
        guard elements.contains(.members(name)) else { return lookAtMembers(to: name, for: subject) }
        let hasGroup = context.observed.links.links[name]?.settings.takesMembers == true
        if hasGroup, !lookedAt.contains(name), !made.contains(attachment.id) { return }
        add(.link(.change(name, LinkChange(takesMembers: true))), for: subject, in: .takeMembers)
    }
}
