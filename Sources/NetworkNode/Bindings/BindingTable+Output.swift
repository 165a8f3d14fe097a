package import Addressing
package import NetworkModel
package import Resources

/// What planning, the API and people get of the table.
extension BindingTable {
    /// What this host grants and the API has not confirmed: it has no revision yet, and any that has one is older.
    package static let unconfirmed = Revision(.max)

    /// What changed in the tables that this host acts on since it was asked last: at most one for each segment.
    package mutating func takeChanges() -> [BindingChange] {
        defer { changed = [:] }
        return changed.sorted { $0.key < $1.key }.map { segment, addresses in
            var change = BindingChange(segment: segment)
            for address in addresses.sorted() {
                if let binding = binding(of: address, in: segment) {
                    change.put.append(binding)
                } else {
                    change.removed.insert(address)
                }
            }
            return change
        }
    }

    /// The whole tables that this host acts on; asking counts as taking what changed.
    mutating func all() -> [BindingChange] {
        changed = [:]
        return segments.keys.sorted().map { id in
            BindingChange(segment: id, reset: true, put: bindings(of: id))
        }
    }

    /// The holders of a segment's addresses as this host acts on them: what the API lists, with this host's own as they
    /// are now. In the order of the addresses.
    package func bindings(of segment: ResourceID) -> [Binding] {
        guard let addresses = segments[segment] else { return [] }
        return Set(addresses.listed.keys).union(addresses.grants.keys).sorted().compactMap {
            binding(of: $0, in: segment)
        }
    }

    private func binding(of address: IPv6Address, in segment: ResourceID) -> Binding? {
        guard let addresses = segments[segment] else { return nil }
        let listed = addresses.listed[address]
        if let grant = addresses.grants[address] {
            let isConfirmed = listed?.host == host && listed?.attachment == grant.attachment
            return Binding(
                address: address, attachment: grant.attachment, host: host, origin: .learned,
                since: isConfirmed ? listed?.since ?? Self.unconfirmed : Self.unconfirmed)
        }
        return addresses.released.contains(address) ? nil : listed
    }

    /// What this host publishes of a segment: all that its guests learned there.
    package func publication(of segment: ResourceID) -> LearnedAddresses {
        var publication = LearnedAddresses()
        for (address, grant) in segments[segment]?.grants ?? [:] {
            publication.addresses[grant.attachment, default: []].insert(address)
        }
        return publication
    }

    /// What an attachment of this host has given itself.
    package func learned(by attachment: ResourceID) -> [IPv6Address] {
        (members[attachment]?.learned ?? []).sorted()
    }

    /// What people are told of an attachment of this host that claimed more addresses than it may have; nil: it has room.
    package func shortage(of attachment: ResourceID) -> String? {
        guard let member = members[attachment], member.isShort else { return nil }
        let what = member.limit == 0 ? "may have none" : "has all \(member.limit) that it may have"
        return "\(what) and claimed one more, which is refused; "
            + "`kcnet attachment update NAME --learned-addresses NUMBER` allows more"
    }

    /// The attachments of which something else is to be told; asking empties it.
    package mutating func takeTurned() -> Set<ResourceID> {
        defer { turned = [] }
        return turned
    }

    /// How many addresses of all guests of this host are granted.
    package var count: Int { members.values.reduce(0) { $0 + $1.learned.count } }

    /// The segments with something the API has not been told; asking empties it.
    package mutating func takeUnpublished() -> Set<ResourceID> {
        defer { unpublished = [] }
        return unpublished
    }

    package var hasUnpublished: Bool { !unpublished.isEmpty }

    /// Another server, or the same with another store, may not have what was published.
    package mutating func publishAgain() {
        for (id, segment) in segments where !segment.grants.isEmpty || segment.listed.values.contains(where: isOwn) {
            unpublished.insert(id)
        }
    }

    /// Listed because this host published it.
    func isOwn(_ binding: Binding) -> Bool { binding.host == host && binding.origin == .learned }
}
