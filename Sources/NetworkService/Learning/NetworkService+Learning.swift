import Addressing
package import NetworkModel
import Persistence
package import Resources
import Synchronization

extension NetworkService {
    /// Takes over the addresses that a host has learned on its ports of a segment: all of them, what is not in the list
    /// is given back.
    ///
    /// An address has one holder. Of two hosts that want one at the same moment, the store lets one transaction pass;
    /// the other is planned again and refused. Assigned and static addresses are never granted to anybody else.
    package func publish(_ list: LearnedAddresses, on segment: ResourceID, from host: ResourceID) async throws(Problem)
        -> LearnedAnswer
    {
        var answer = LearnedAnswer(revision: cache.revision)
        for _ in 1...settings.attempts + list.count / LearnedPlan.maximumChanges {
            let plan = try cache.state.withLock { state throws(Problem) in
                try LearnedPlan(list, on: LearnedTable.Place(segment: segment, host: host), state)
            }
            answer.refused = plan.refused
            guard let transaction = plan.transaction else { return answer }
            do {
                if case .committed(let revision) = try await timedCommit(transaction) {
                    answer.revision = revision
                    // The next plan, and the next list of this host, begin with what this one wrote.
                    try await cache.wait(for: revision)
                    if plan.isWhole { return answer }
                } else {
                    try await self.await(.consistent)
                }
            } catch let error as StoreError {
                throw Problem(error)
            } catch let problem as Problem {
                throw problem
            } catch {
                throw Problem(.unavailable, "the request was given up")
            }
        }
        throw Problem(.unavailable, "other writers were faster \(settings.attempts) times; try again")
    }
}

/// One transaction towards what a host says it has learned, and what of it is refused.
struct LearnedPlan {
    private(set) var refused: [RefusedAddress] = []
    /// nil when the store has all of it.
    private(set) var transaction: StoreTransaction?
    /// Whether the transaction is the last one.
    private(set) var isWhole = true

    /// Addresses that one transaction adds and takes away: far below what a store takes.
    static let maximumChanges = 1000

    init(_ list: LearnedAddresses, on place: LearnedTable.Place, _ state: CacheState) throws(Problem) {
        guard let segment = state.resource(place.segment, as: Segment.self) else {
            throw Problem(.notFound, "there is no segment \(place.segment)")
        }
        guard state.relations.segmentsOfHost[place.host]?.contains(place.segment) == true else {
            throw Problem(.forbidden, "the host has no attachment on segment '\(segment.metadata.name)'")
        }
        let known = state.learned.lists[place]
        let before = known?.addresses.addresses ?? [:]
        var granted: [ResourceID: Set<IPv6Address>] = [:]
        var takers: [IPv6Address: ResourceID] = [:]
        for (attachment, addresses) in list.addresses.sorted(by: { $0.key < $1.key }) {
            let (mine, others) = Self.judge(
                addresses, of: attachment, known: before[attachment, default: []], on: segment, place.host, state)
            refused += others
            // Two attachments of one list that want the same address: the first one has it.
            for address in mine.sorted() {
                if let first = takers[address] {
                    refused.append(
                        RefusedAddress(
                            attachment: attachment, address: address, reason: .held,
                            holder: Binding(
                                address: address, attachment: first, host: place.host, origin: .learned,
                                since: state.revision)))
                } else {
                    takers[address] = attachment
                    granted[attachment, default: []].insert(address)
                }
            }
        }
        plan(from: before, to: granted, place, known?.revision, state)
    }

    /// What an attachment may hold of the addresses; those it holds already come first.
    private static func judge(
        _ addresses: Set<IPv6Address>, of id: ResourceID, known: Set<IPv6Address>, on segment: Resource<Segment>,
        _ host: ResourceID, _ state: CacheState
    ) -> (granted: Set<IPv6Address>, refused: [RefusedAddress]) {
        func refuse(_ address: IPv6Address, _ reason: RefusedAddress.Reason, _ holder: Binding? = nil)
            -> RefusedAddress
        { RefusedAddress(attachment: id, address: address, reason: reason, holder: holder) }
        guard let attachment = state.resource(id, as: Attachment.self), attachment.spec.host?.id == host,
            attachment.spec.segment.id == segment.metadata.id
        else { return ([], addresses.sorted().map { refuse($0, .notHere) }) }
        let own = Set(
            attachment.assigned.addresses.map(\.value) + state.ownAddresses(of: attachment, on: segment.metadata.id))
        var granted: Set<IPv6Address> = []
        var refused: [RefusedAddress] = []
        let order = addresses.sorted { (known.contains($0) ? 0 : 1, $0) < (known.contains($1) ? 0 : 1, $1) }
        for address in order where !own.contains(address) {
            if let holder = state.rival(of: id, for: address, on: segment) {
                refused.append(refuse(address, .held, holder))
            } else if !state.isLearnable(address, on: segment) {
                refused.append(refuse(address, .outside))
            } else if granted.count >= attachment.learnedAddressLimit {
                refused.append(refuse(address, .limit))
            } else {
                granted.insert(address)
            }
        }
        return (granted, refused)
    }

    private mutating func plan(
        from before: [ResourceID: Set<IPv6Address>], to granted: [ResourceID: Set<IPv6Address>],
        _ place: LearnedTable.Place, _ revision: Revision?, _ state: CacheState
    ) {
        var room = Self.maximumChanges
        var list = before
        var conditions: [StoreTransaction.Condition] = []
        var changes: [StoreKey: StoreTransaction.Change] = [:]
        // What is given back comes first: another attachment of the list may have it next.
        for (attachment, addresses) in before.sorted(by: { $0.key < $1.key }) {
            let gone = addresses.subtracting(granted[attachment, default: []]).sorted()
            for address in gone.prefix(room) {
                let key = StoreLayout.address(segment: place.segment, address)
                changes[key] = .delete(key)
                list[attachment]?.remove(address)
            }
            if gone.count > room { isWhole = false }
            room -= min(room, gone.count)
        }
        for (attachment, addresses) in granted.sorted(by: { $0.key < $1.key }) {
            let new = addresses.subtracting(before[attachment, default: []]).sorted()
            guard !new.isEmpty else { continue }
            if new.count > room { isWhole = false }
            guard room > 0, let item = state.items[attachment] else { continue }
            // Whoever moves or deletes it, or lowers its limit, is either seen here or sees this.
            conditions.append(.modified(item.key, item.revision))
            for address in new.prefix(room) {
                let key = StoreLayout.address(segment: place.segment, address)
                if case .delete = changes[key] {
                    conditions.append(.exists(key))
                } else {
                    conditions.append(.absent(key))
                }
                changes[key] = .record(key, Array(attachment.description.utf8))
                list[attachment, default: []].insert(address)
            }
            room -= min(room, new.count)
        }
        guard list != before else { return }
        let key = StoreLayout.learned(place)
        conditions.append(revision.map { .modified(key, $0) } ?? .absent(key))
        let new = LearnedAddresses(list.filter { !$0.value.isEmpty })
        changes[key] = new.addresses.isEmpty ? .delete(key) : .put(key, new.json)
        transaction = StoreTransaction(
            conditions: conditions, changes: changes.sorted { $0.key < $1.key }.map(\.value), durability: .relaxed)
    }
}

extension CacheState {
    /// Who keeps an attachment from learning an address.
    fileprivate func rival(of id: ResourceID, for address: IPv6Address, on segment: Resource<Segment>) -> Binding? {
        if let holder = binding(of: address, on: segment.metadata.id), holder.attachment != id { return holder }
        for other in relations.allowingOfSegment[segment.metadata.id, default: []] where other != id {
            guard let attachment = resource(other, as: Attachment.self), let since = items[other]?.order.created,
                attachment.spec.allowedAddresses.contains(where: { $0.contains(address) && isInside($0, segment) })
            else { continue }
            return Binding(
                address: address, attachment: other, host: attachment.spec.host?.id, origin: .static, since: since)
        }
        return nil
    }

    /// What attachments may use of the segment without holding it, each prefix once.
    func sharedAddresses(on segment: Resource<Segment>) -> [IPv6Prefix] {
        let users = relations.allowingOfSegment[segment.metadata.id, default: []]
        let prefixes = users.lazy.compactMap { self.resource($0, as: Attachment.self) }
            .flatMap { $0.spec.allowedAddresses.filter { self.isInside($0, segment) } }
        return Set(prefixes).sorted()
    }

    /// A prefix wider than the segment's does not reach into it.
    private func isInside(_ prefix: IPv6Prefix, _ segment: Resource<Segment>) -> Bool {
        prefix.address.isLinkLocal || segment.assigned.prefix?.contains(prefix) == true
    }

    /// Whether any guest may take an address for itself: in the segment's /64 or fe80::/64, and not the router's.
    fileprivate func isLearnable(_ address: IPv6Address, on segment: Resource<Segment>) -> Bool {
        guard let prefix = segment.assigned.prefix,
            prefix.contains(address) || address.high == IPv6Address.segmentRouter.high
        else { return false }
        // The lowest is the subnet-router anycast address (RFC 4291 section 2.6.1).
        return address.low != 0 && !routerAddresses(of: segment).contains(address)
    }
}
