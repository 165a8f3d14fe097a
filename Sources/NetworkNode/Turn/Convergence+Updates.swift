import Addressing
import Logging
import NetworkModel
import NetworkPlanning
import Resources

/// What an update of the desired state changes, and where therefore must be looked.
extension Convergence {
    /// Takes an update over into the snapshot. One that is older than the snapshot is passed over, unless it resets:
    /// then the store itself went back, and what the API says is what holds.
    mutating func take(_ update: HostUpdate, into focus: inout Focus) {
        if update.reset {
            do { replace(with: try HostSnapshot(withLocalBindings(update)), into: &focus) } catch {
                logger.error("the API sent a state that cannot be used", metadata: ["reason": "\(error)"])
            }
            return
        }
        // Without a binding of the state, which would have it copied when it is changed.
        guard let have = state?.desired.revision else {
            return logger.error("the API sent a change before the whole state; it is passed over")
        }
        guard update.revision >= have else {
            return logger.debug(
                "an older update is passed over",
                metadata: ["revision": "\(update.revision)", "have": "\(have)"])
        }
        let update = withLocalBindings(update)
        if !update.isBookmark {
            isUnsaved = true
            if let old = state?.desired { note(update, before: old, in: &focus) }
        }
        merge(update, into: &focus)
    }

    private mutating func merge(_ update: HostUpdate, into focus: inout Focus) {
        let scope = merged(update)
        focus.scope.formUnion(scope)
        focus.noteBindings(of: update, scope)
    }

    /// Takes a change over into what is desired.
    /// - Returns: the part of the host that it concerns.
    mutating func merged(_ update: HostUpdate) -> PlanScope {
        do {
            return try state?.merge(update) ?? PlanScope()
        } catch {
            logger.error("the API sent a change that cannot be used", metadata: ["reason": "\(error)"])
            return PlanScope()
        }
    }

    private mutating func note(_ update: HostUpdate, before old: HostSnapshot, in focus: inout Focus) {
        if let host = update.host, host != old.host { focus.changeEverything() }
        if let underlay = update.underlay, underlay != old.underlay { focus.changeEverything() }
        if let vteps = update.vteps, vteps != old.vteps { focus.change(.host) }
        for id in update.removedGateways { remove(.gateway(id), devices: [], if: old.gateways[id] != nil, &focus) }
        for id in update.removedAttachments {
            guard let gone = old.attachments[id] else { continue }
            remove(.attachment(id), devices: [gone.portName], if: true, &focus)
            noteGateway(of: gone, in: &focus)
        }
        for id in update.removedSegments {
            remove(.segment(id), devices: old.segments[id]?.devices ?? [], if: old.segments[id] != nil, &focus)
        }
        for segment in update.segments where old.segments[segment.id] != segment {
            put(segment, was: old.segments[segment.id], &focus)
        }
        for attachment in update.attachments where old.attachments[attachment.id] != attachment {
            put(attachment, was: old.attachments[attachment.id], &focus)
        }
        for gateway in update.gateways where old.gateways[gateway.id] != gateway { put(gateway, &focus) }
        noteReservations(of: update, old, in: &focus)
    }

    /// The DHCP servers of these segments' gateways get other reservations.
    private func noteReservations(of update: HostUpdate, _ old: HostSnapshot, in focus: inout Focus) {
        for change in update.reservations {
            let kept = old.reservations[change.segment] ?? [:]
            if change.reset, kept == change.put.reduce(into: [:], { $0[$1.attachment] = $1 }) { continue }
            for gateway in old.gateways.values where gateway.ports[change.segment] != nil {
                focus.change(.gateway(gateway.id))
            }
        }
    }

    /// The whole state: compared with what was known, so that a new connection that brings nothing new costs nothing.
    private mutating func replace(with new: HostSnapshot, into focus: inout Focus) {
        if !isConfirmed {
            // What was left alone until now, because only the disk had said that nobody wants it.
            isConfirmed = true
            focus.scope = .whole
        }
        guard let old = state?.desired else {
            start(from: new)
            isUnsaved = true
            focus.isFirst = true
            return focus.changeEverything()
        }
        if new.revision < old.revision {
            logger.notice(
                "the API went back to an older revision; its state is taken as it is",
                metadata: ["from": "\(old.revision)", "to": "\(new.revision)"])
        }
        var difference = new.asUpdate
        difference.removedSegments = Set(old.segments.keys).subtracting(new.segments.keys)
        difference.removedAttachments = Set(old.attachments.keys).subtracting(new.attachments.keys)
        difference.removedGateways = Set(old.gateways.keys).subtracting(new.gateways.keys)
        note(difference, before: old, in: &focus)
        // A segment loses its devices with its last attachment.
        for id in difference.removedAttachments {
            if let segment = old.attachments[id]?.segment { focus.change(.segment(segment)) }
        }
        state?.desire(new)
        // An item may have taken the place and the name of another: the new owner's entries are the last word.
        names = NameIndex(new)
        var comparable = old
        comparable.revision = new.revision
        if comparable != new { isUnsaved = true }
    }

    private mutating func remove(_ subject: Subject, devices: [InterfaceName], if exists: Bool, _ focus: inout Focus) {
        guard exists else { return }
        for device in devices where names[device] == subject { names.remove([device]) }
        focus.change(subject)
        focus.attention.links.formUnion(devices)
        departed.insert(subject)
    }

    private mutating func put(_ segment: DesiredSegment, was old: DesiredSegment?, _ focus: inout Focus) {
        if let old, old.devices != segment.devices {
            names.remove(old.devices)
            focus.attention.links.formUnion(old.devices)
        }
        names.insert(segment)
        departed.remove(.segment(segment.id))
        focus.change(.segment(segment.id))
    }

    private mutating func put(_ attachment: DesiredAttachment, was old: DesiredAttachment?, _ focus: inout Focus) {
        if let old, old.portName != attachment.portName {
            names.remove([old.portName])
            focus.attention.links.insert(old.portName)
        }
        if old == nil, case .tap = attachment.port, state?.observed.links.links[attachment.portName] == nil {
            focus.unmade.insert(attachment.portName)
        }
        names.insert(attachment)
        departed.remove(.attachment(attachment.id))
        focus.change(.attachment(attachment.id))
        noteGateway(of: attachment, in: &focus)
    }

    private mutating func put(_ gateway: DesiredGateway, _ focus: inout Focus) {
        departed.remove(.gateway(gateway.id))
        focus.change(.gateway(gateway.id))
    }

    /// The port of a gateway and the gateway are realised together.
    private func noteGateway(of attachment: DesiredAttachment, in focus: inout Focus) {
        if case .gateway(let id) = attachment.port { focus.change(.gateway(id)) }
    }
}

extension Focus {
    /// Work on ports and tables whose addresses changed is no repair.
    mutating func noteBindings(of update: HostUpdate, _ scope: PlanScope) {
        guard !update.bindings.isEmpty else { return }
        changed.formUnion(update.bindings.map { .segment($0.segment) })
        changed.formUnion(scope.attachments.map { .attachment($0) })
    }

    mutating func change(_ subject: Subject) {
        changed.insert(subject)
        attention.subjects.insert(subject)
    }

    mutating func changeEverything() {
        attention.everything = true
        // Whatever comes of it is not a repair.
        isFirst = true
    }
}
