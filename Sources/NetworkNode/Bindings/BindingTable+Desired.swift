import Addressing
package import NetworkModel
package import Resources

/// What the API says: resources, and who holds which address.
extension BindingTable {
    /// Begins with what was kept on disk: this host's bindings in it are granted, as an earlier agent left them in the
    /// kernel.
    package init(_ snapshot: HostSnapshot, settings: Settings = Settings(), at now: ContinuousClock.Instant) {
        self.init(host: snapshot.host.id, settings: settings)
        _ = take(snapshot.asUpdate, at: now)
    }

    /// Takes an update in, and answers with the same one in which bindings are those that this host acts on.
    package mutating func take(_ update: HostUpdate, at now: ContinuousClock.Instant) -> HostUpdate {
        var update = update
        if update.reset { forgetAll(but: update) }
        for id in update.removedAttachments { remove(attachment: id) }
        for id in update.removedSegments { remove(segment: id) }
        for segment in update.segments { put(segment) }
        for attachment in update.attachments { put(attachment, at: now) }
        for change in update.bindings { hear(change, at: now) }
        update.bindings = update.reset ? all() : takeChanges()
        return update
    }

    private mutating func forgetAll(but update: HostUpdate) {
        let attachments = Set(update.attachments.map(\.id))
        for id in members.keys where !attachments.contains(id) { remove(attachment: id) }
        let segments = Set(update.segments.map(\.id))
        for id in self.segments.keys where !segments.contains(id) { remove(segment: id) }
        // A table that is not in the update is empty.
        let listed = Set(update.bindings.map(\.segment))
        for id in self.segments.keys where !listed.contains(id) { forgetListed(of: id) }
    }

    private mutating func put(_ segment: DesiredSegment) {
        let prefix = segment.ipam == .none ? nil : segment.prefix
        segments[segment.id, default: SegmentAddresses()].shared = segment.shared
        guard segments[segment.id]?.prefix != prefix else { return }
        segments[segment.id]?.prefix = prefix
        let grants = segments[segment.id]?.grants.keys.map { $0 } ?? []
        for address in grants where prefix == nil || !(prefix?.contains(address) ?? false || address.isLinkLocal) {
            release(address, in: segment.id)
        }
    }

    private mutating func remove(segment id: ResourceID) {
        for address in segments[id]?.grants.keys.map({ $0 }) ?? [] { release(address, in: id) }
        segments[id] = nil
        // The snapshot's table goes with the segment.
        changed[id] = nil
    }

    /// An attachment of this host, new or changed.
    private mutating func put(_ attachment: DesiredAttachment, at now: ContinuousClock.Instant) {
        let id = attachment.id
        if let old = members[id], old.segment != attachment.segment { remove(attachment: id) }
        forgetFixed(of: id)
        let fixed = Set(attachment.addresses.lazy.filter { $0.origin != .learned }.map(\.value))
            .union([.linkLocal(attachment.mac)])
        var member = Member(
            segment: attachment.segment, mac: attachment.mac, limit: attachment.learnedAddressLimit, fixed: fixed,
            allowed: attachment.allowedAddresses, isGateway: attachment.isGatewayPort)
        member.learned = members[id]?.learned ?? []
        member.isShort = members[id]?.isShort == true && member.learned.count >= member.limit
        members[id] = member
        for address in fixed {
            segments[attachment.segment, default: SegmentAddresses()].fixed[address] = id
            // Whoever took it before has it no more.
            release(address, in: attachment.segment)
        }
        // It may have come from another host, whose list has its addresses still.
        let listed = segments[attachment.segment]?.listed.values.filter { $0.attachment == id } ?? []
        for binding in listed { adopt(binding, in: attachment.segment, at: now) }
    }

    private mutating func remove(attachment id: ResourceID) {
        forgetFixed(of: id)
        guard let member = members[id] else { return }
        for address in member.learned { release(address, in: member.segment) }
        members[id] = nil
    }

    private mutating func forgetFixed(of id: ResourceID) {
        guard let member = members[id] else { return }
        for address in member.fixed where segments[member.segment]?.fixed[address] == id {
            segments[member.segment]?.fixed[address] = nil
        }
    }

    // MARK: Who holds what

    /// What changed in the API's table: the last word where it differs from a grant.
    private mutating func hear(_ change: BindingChange, at now: ContinuousClock.Instant) {
        var change = change
        if change.reset {
            let stay = Set(change.put.map(\.address))
            change.removed = Set(segments[change.segment]?.listed.keys.filter { !stay.contains($0) } ?? [])
        }
        for address in change.removed { unlist(address, in: change.segment) }
        for binding in change.put { list(binding, in: change.segment, at: now) }
    }

    private mutating func forgetListed(of segment: ResourceID) {
        for address in segments[segment]?.listed.keys.map({ $0 }) ?? [] { unlist(address, in: segment) }
    }

    private mutating func list(_ binding: Binding, in segment: ResourceID, at now: ContinuousClock.Instant) {
        let address = binding.address
        guard segments[segment, default: SegmentAddresses()].listed.updateValue(binding, forKey: address) != binding
        else { return }
        changed[segment, default: []].insert(address)
        if binding.host != host { segments[segment]?.released.remove(address) }
        if let grant = segments[segment]?.grants[address], grant.attachment != binding.attachment {
            withdraw(address, in: segment)
        }
        adopt(binding, in: segment, at: now)
        // The API has it from a list that no longer holds, and what gave it back may be lost: it is told again.
        if isOwn(binding), segments[segment]?.grants[address]?.attachment != binding.attachment {
            unpublished.insert(segment)
        }
    }

    private mutating func unlist(_ address: IPv6Address, in segment: ResourceID) {
        guard segments[segment]?.listed.removeValue(forKey: address) != nil else { return }
        segments[segment]?.released.remove(address)
        changed[segment, default: []].insert(address)
        // The API forgot what this host had published, or another held it: it is told again.
        if segments[segment]?.grants[address] != nil { unpublished.insert(segment) }
    }

    /// The API refused these addresses of a publication.
    package mutating func refuse(_ refused: [RefusedAddress], in segment: ResourceID) {
        for one in refused where segments[segment]?.grants[one.address]?.attachment == one.attachment {
            withdraw(one.address, in: segment)
        }
    }

    private mutating func withdraw(_ address: IPv6Address, in segment: ResourceID) {
        release(address, in: segment)
        counters.withdrawn += 1
    }

    /// Takes over what is listed for an attachment of this host, unless it was let go here or is too much.
    private mutating func adopt(_ binding: Binding, in segment: ResourceID, at now: ContinuousClock.Instant) {
        guard binding.origin == .learned, let member = members[binding.attachment], member.segment == segment,
            !member.fixed.contains(binding.address), !member.learned.contains(binding.address),
            segments[segment]?.released.contains(binding.address) != true,
            segments[segment]?.fixed[binding.address] == nil, member.learned.count < member.limit
        else { return }
        grant(binding.address, to: binding.attachment, at: now)
    }
}

extension DesiredAttachment {
    fileprivate var isGatewayPort: Bool { if case .gateway = port { true } else { false } }
}
