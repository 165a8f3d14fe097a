import Addressing
import NetworkModel
import Resources

extension PlanDraft {
    mutating func planAttachment(_ id: ResourceID) {
        for name in (context.seen.owned[.attachment(id)] ?? []).sorted() where context.isLeaving(name) {
            remove(name)
        }
        planStray(portOf: id)
        guard let attachment = context.desired.attachments[id] else { return }
        // Whatever else becomes of it: a port that is not where it belongs does not forward.
        // One that is, and stays as it is, is guarded as it now shall be.
        if isMine(attachment) {
            if !context.mayForward(attachment) {
                gate(attachment.portName, for: .attachment(id))
            } else if ready.contains(attachment.portName) {
                planGuard(of: attachment)
            }
        }
        guard let segment = carriedSegment(of: attachment) else { return }
        switch attachment.port {
        case .tap: planPort(attachment, on: segment)
        case .external(let name): planExternal(name, of: attachment, on: segment)
        case .gateway(let gateway):
            if let refusal = refusedGateways[gateway] {
                refuse(.attachment(id), refusal.phase, "its gateway: \(refusal.message)")
            } else if !context.isKnownToGateway(attachment) {
                refuse(.attachment(id), .pending, "waits for gateway \(gateway) to take it as its port")
            } else {
                planPort(attachment, on: segment)
            }
        case .namespace(let namespace, let interface):
            if let (phase, message) = obstacle(to: attachment, at: PeerPlace(namespace, interface)) {
                refuse(.attachment(id), phase, message)
            } else {
                planPort(attachment, on: segment)
            }
        }
    }

    /// Whether the port's name is this attachment's alone to speak for: an external interface may be named by several.
    private func isMine(_ attachment: DesiredAttachment) -> Bool {
        let claimants = context.wanted.ports[attachment.portName] ?? []
        return claimants.count <= 1 || context.portHolder(attachment.portName) == attachment.id
    }

    /// The attachment's segment, when this plan makes or keeps its devices; otherwise the attachment is refused too.
    private mutating func carriedSegment(of attachment: DesiredAttachment) -> DesiredSegment? {
        guard let segment = context.desired.segments[attachment.segment] else {
            refuse(.attachment(attachment.id), .pending, "waits to be told of its segment \(attachment.segment)")
            return nil
        }
        if let refusal = refusedSegments[segment.id] {
            refuse(.attachment(attachment.id), refusal.phase, refusal.message)
            return nil
        }
        return segment
    }

    /// Why a veth's other end cannot be put into the named namespace.
    private func obstacle(to attachment: DesiredAttachment, at place: PeerPlace) -> (Report.Phase, String)? {
        if place.namespace.text.hasPrefix(NamespaceName.gatewayPrefix) {
            return (.failed, "the namespace \(place.namespace) is for a gateway of KC; name another one")
        }
        guard context.observed.namespaces.contains(place.namespace) else {
            return (
                .pending,
                "waits for the network namespace \(place.namespace) on this host; "
                    + "create it (`ip netns add \(place.namespace)`)"
            )
        }
        let claimants = context.wanted.places[place] ?? []
        let link = context.observed.inside[place.namespace]?.links[place.name]
        let present: ResourceID? = if case .attachment(let id) = link.flatMap(DeviceMark.of) { id } else { nil }
        if let holder = context.holder(among: claimants, present: present), holder != attachment.id {
            return (.failed, "\(place.name) in namespace \(place.namespace) is the port of attachment \(holder)")
        }
        if let link, present == nil, !link.isUnfinished {
            return (
                .failed,
                "a device named \(link.name) exists in namespace \(place.namespace) and is not KC's; KC leaves it "
                    + "alone: rename or delete it, or name another interface in the attachment"
            )
        }
        return nil
    }

    /// A tap or veth: made, changed or found right; then ready.
    private mutating func planPort(_ attachment: DesiredAttachment, on segment: DesiredSegment) {
        let subject = Subject.attachment(attachment.id)
        guard let wanted = WantedLink.port(of: attachment, on: segment) else { return }
        let observed = context.isLeaving(wanted.name) ? nil : context.observed.links.links[wanted.name]
        if let observed, !observed.isUnfinished, context.seen.marks[wanted.name] != .attachment(attachment.id) {
            return refuse(subject, .failed, ForeignDevice.message(observed))
        }
        if observed?.settings.master != wanted.settings.master, !hasRoom(attachment) {
            return refuseCrowded(attachment, on: segment)
        }
        if let observed, !observed.isUnfinished {
            let settings = context.settled(observed.settings, on: segment)
            if let change = LinkChange(from: observed, settings, to: wanted) {
                add(.link(.change(wanted.name, change)), for: subject, in: .ports)
            }
            if let peer = wanted.peer,
                let link = context.observed.inside[peer.namespace]?.links[peer.name],
                let change = LinkChange(from: link.settings, to: peer.settings)
            {
                add(.link(.change(peer.name, change), in: peer.namespace), for: subject, in: .ports)
            }
        } else {
            if observed != nil { add(.link(.delete(wanted.name)), for: subject, in: .ports) }
            add(.link(.create(wanted)), for: subject, in: .ports)
            made.insert(attachment.id)
        }
        makeReady(attachment)
    }

    mutating func refuseCrowded(_ attachment: DesiredAttachment, on segment: DesiredSegment) {
        refuse(
            .attachment(attachment.id), .failed,
            "the bridge \(InterfaceName.bridge(segment.vni)) has \(PlanContext.maximumPorts) ports, as many as a Linux "
                + "bridge takes; bind the attachment to another host")
    }

    /// The last step of every attachment.
    mutating func makeReady(_ attachment: DesiredAttachment) {
        if context.isHeldBack(attachment) { return }
        if let pieces = context.wanted.oversize(of: attachment) {
            return refuse(.attachment(attachment.id), .failed, OversizedPolicies.message(pieces))
        }
        planGuard(of: attachment)
    }
}
