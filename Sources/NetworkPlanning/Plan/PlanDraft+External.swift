import Addressing
import NetworkModel
import Resources

extension PlanDraft {
    /// Takes an operator's interface into the segment's bridge.
    mutating func planExternal(_ name: InterfaceName, of attachment: DesiredAttachment, on segment: DesiredSegment) {
        let subject = Subject.attachment(attachment.id)
        guard var link = context.observed.links.links[name] else {
            return refuse(
                subject, .pending, "waits for the interface \(name), which does not exist on this host")
        }
        if let holder = context.portHolder(name), holder != attachment.id {
            return refuse(subject, .failed, "the interface \(name) is the port of attachment \(holder)")
        }
        var wanted = link.settings
        wanted.master = .bridge(segment.vni)
        wanted.isUp = true
        // Or the host itself would take part in the segment, and believe its router advertisements.
        wanted.ipv6Disabled = true
        if case .external(let mark) = context.seen.marks[name], context.isLeaving(name) {
            link = ExternalMark.restored(link, mark, from: context.seen)
        }
        if case .external = link.settings.alias.flatMap(DeviceMark.init(alias:)) {
            if link.settings.master != wanted.master, !hasRoom(attachment) {
                return refuseCrowded(attachment, on: segment)
            }
        } else {
            if let (phase, message) = context.obstacle(toTaking: link, on: segment) {
                return refuse(subject, phase, message)
            }
            guard hasRoom(attachment) else { return refuseCrowded(attachment, on: segment) }
            let mark = ExternalMark(
                attachment: attachment.id, wasDown: !link.settings.isUp,
                hadNoIPv6: link.settings.ipv6Disabled == true, formerAlias: link.settings.alias.presence)
            // A step of its own, before anything changes that the mark must remember.
            add(
                .link(.change(name, LinkChange(alias: DeviceMark.external(mark).alias))), for: subject, in: .ports)
        }
        if let change = LinkChange(from: context.settled(link.settings, on: segment), to: wanted) {
            add(.link(.change(name, change)), for: subject, in: .ports)
        }
        makeReady(attachment)
    }
}

extension PlanContext {
    /// Which attachment an interface of that name serves or shall serve.
    func portHolder(_ name: InterfaceName) -> ResourceID? {
        let present: ResourceID? =
            if let mark = seen.marks[name], case .attachment(let id) = mark.subject, isWanted(name, mark) { id } else {
                nil
            }
        return holder(among: wanted.ports[name] ?? [], present: present)
    }

    /// Why an interface must not be taken into a bridge: somebody else lives on it.
    fileprivate func obstacle(toTaking link: ObservedLink, on segment: DesiredSegment) -> (Report.Phase, String)? {
        func refuse(_ reason: String) -> (Report.Phase, String) {
            (.failed, "the interface \(link.name) cannot be an attachment: it \(reason)")
        }
        switch link.kind {
        case .bridge, .vxlan: return refuse("is a bridge or VXLAN device itself")
        default: break
        }
        if link.name == .loopback { return refuse("is the loopback device") }
        if link.settings.alias?.hasPrefix(DeviceMark.prefix) == true || link.isUnfinished {
            return refuse("is KC's own")
        }
        if link.name == desired.host.interface { return refuse("carries the underlay") }
        if let master = link.settings.master { return refuse("is part of \(master); take it out first") }
        if let address = observed.links.addresses[link.name]?.map(\.address).min() {
            let text =
                address.isIPv4Mapped
                ? IPv4Address(UInt32(truncatingIfNeeded: address.low)).description : address.description
            return refuse("has the address \(text); remove its addresses first")
        }
        if observed.links.routed.contains(link.name) { return refuse("carries routes; remove them first") }
        if link.settings.mtu < segment.mtu.bytes {
            return (
                .unfit,
                "the interface \(link.name) has MTU \(link.settings.mtu), less than the segment's \(segment.mtu); raise "
                    + "it (`ip link set \(link.name) mtu \(segment.mtu)`)"
            )
        }
        // The mark's own text is at most 66 bytes: 48 for "kc:external/<id>", 13 for the flags, 5 for " was ".
        if let alias = link.settings.alias, alias.utf8.count + 66 > ExternalMark.maximumAlias {
            return refuse("has an alias too long to be remembered; shorten it to 189 bytes")
        }
        return nil
    }
}

extension String? {
    /// nil for an empty text: the kernel shows no alias and an empty one alike.
    fileprivate var presence: String? { self?.isEmpty == true ? nil : self }
}
