import Addressing
import NetworkModel
import Resources

extension PlanDraft {
    /// Takes a device of ours that nothing wants away; an operator's interface is given back.
    mutating func remove(_ name: InterfaceName) {
        guard let mark = context.seen.marks[name], let link = context.observed.links.links[name] else { return }
        let isFirst = context.isInTheWay(name, mark)
        switch (mark, link.kind) {
        case (.external(let external), _):
            gate(name, for: mark.subject)
            for operation in ExternalMark.release(link, external, from: context.seen) {
                add(.link(operation), for: mark.subject, in: isFirst ? .clearPorts : .removePorts)
            }
        case (.attachment, _):
            gate(name, for: mark.subject)
            add(.link(.delete(name)), for: mark.subject, in: isFirst ? .clearPorts : .removePorts)
        case (_, .bridge):
            add(.link(.delete(name)), for: mark.subject, in: isFirst ? .clearBridges : .removeBridges)
        default: add(.link(.delete(name)), for: mark.subject, in: isFirst ? .clearTunnels : .removeTunnels)
        }
    }
}

extension ExternalMark {
    /// Gives an interface back as the mark says it was. The mark goes last, so that a crash in between loses nothing.
    static func release(_ link: ObservedLink, _ mark: ExternalMark, from seen: ObservedIndex) -> [LinkOperation] {
        let restored = restored(link, mark, from: seen).settings
        var change = LinkChange()
        if link.settings.master != restored.master { change.master = LinkChange.Master.none }
        if link.settings.isUp != restored.isUp { change.isUp = restored.isUp }
        if link.settings.ipv6Disabled != restored.ipv6Disabled { change.ipv6Disabled = restored.ipv6Disabled }
        let unmarking = LinkOperation.change(link.name, LinkChange(alias: mark.formerAlias ?? ""))
        return change == LinkChange() ? [unmarking] : [.change(link.name, change), unmarking]
    }

    /// An external interface as it is once KC has given it back.
    static func restored(_ link: ObservedLink, _ mark: ExternalMark, from seen: ObservedIndex) -> ObservedLink {
        var link = link
        link.settings.alias = mark.formerAlias
        // Somebody else's bridge that it was moved to meanwhile is not ours to take it from.
        if let master = link.settings.master, case .segment = seen.marks[master] { link.settings.master = nil }
        if mark.wasDown { link.settings.isUp = false }
        if !mark.hadNoIPv6, link.settings.ipv6Disabled == true { link.settings.ipv6Disabled = false }
        return link
    }
}
