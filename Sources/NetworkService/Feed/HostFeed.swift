package import NetworkModel
package import Resources
import Synchronization

/// What one host's agent must realise: first everything, then what changes.
///
/// Changes are gathered while nobody asks, so an update is never older than the cache and a slow agent gets fewer,
/// larger ones. End it with `close`; an agent that connects again makes a new one, which begins with everything.
package final class HostFeed: Sendable {
    package let host: ResourceID
    /// Yields when there may be an update; finishes when the server stops.
    package let signal: AsyncStream<Void>
    private let number: UInt64
    private let cache: ResourceCache

    /// nil when there is no such host.
    package init?(host: ResourceID, cache: ResourceCache) {
        let (signal, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let number: UInt64? = cache.state.withLock { state in
            guard state.item(.host, host) != nil else { return nil }
            let number = state.nextNumber()
            state.feeds[host, default: [:]][number] = FeedDirt(signal: continuation)
            if state.isStopping { continuation.finish() }
            return number
        }
        guard let number else { return nil }
        continuation.yield()
        self.host = host
        self.signal = signal
        self.number = number
        self.cache = cache
    }

    /// Makes `signal` yield without a change: for what is due by time.
    package func poke() { cache.state.withLock { _ = $0.feeds[host]?[number]?.signal.yield() } }

    /// As of `ChangeFollower`.
    deinit { close() }

    package func close() {
        cache.state.withLock { state in
            state.feeds[host]?.removeValue(forKey: number)?.signal.finish()
            if state.feeds[host]?.isEmpty == true { state.feeds[host] = nil }
        }
    }

    package enum Next: Sendable {
        case update(HostUpdate)
        /// Nothing of this host has changed; the state is that of this revision.
        case nothing(Revision)
        /// The host was deleted, or the feed is closed.
        case ended
    }

    /// What changed since the call before.
    package func next() -> Next {
        cache.state.withLock { state in
            guard state.isSynced else { return .nothing(.zero) }
            guard let dirt = state.feeds[host]?[number], let host = state.resource(host, as: Host.self) else {
                return .ended
            }
            guard !dirt.isClean else { return .nothing(state.revision) }
            guard let update = state.update(for: host, dirt) else { return .nothing(.zero) }
            state.feeds[self.host]?[number]?.clean()
            return .update(update)
        }
    }
}

extension CacheState {
    /// nil while there is no underlay.
    func update(for host: Resource<Host>, _ dirt: FeedDirt) -> HostUpdate? {
        let id = host.metadata.id
        guard let underlay = all(Underlay.self).first?.spec else { return nil }
        var update = HostUpdate(revision: revision, reset: dirt.everything)
        if dirt.everything || dirt.host { update.host = HostIdentity(host) }
        if dirt.everything || dirt.underlay { update.underlay = underlay }
        if dirt.everything || dirt.vteps { update.vteps = Set(holders.vtep.keys) }

        let segments = relations.segmentsOfHost[id, default: []]
        let attachments = relations.attachmentsOfHost[id, default: []]
        let gateways = relations.gatewaysOfHost[id, default: []].union(
            relations.formerGatewaysOfHost[id, default: []])
        for segment in (dirt.everything ? segments : dirt.segments).sorted() {
            if segments.contains(segment), let desired = desiredSegment(segment, on: id) {
                update.segments.append(desired)
            } else {
                update.removedSegments.insert(segment)
            }
        }
        for attachment in (dirt.everything ? attachments : dirt.attachments).sorted() {
            if attachments.contains(attachment), let desired = desiredAttachment(attachment) {
                update.attachments.append(desired)
            } else {
                update.removedAttachments.insert(attachment)
            }
        }
        for gateway in (dirt.everything ? gateways : dirt.gateways).sorted() {
            if gateways.contains(gateway), let resource = resource(gateway, as: Gateway.self) {
                update.gateways.append(desiredGateway(resource, on: id))
            } else {
                update.removedGateways.insert(gateway)
            }
        }
        addIsolation(to: &update, for: id, dirt)
        addReservations(to: &update, for: id, dirt)
        addNames(to: &update, for: id, dirt)
        return update
    }

    private func desiredSegment(_ id: ResourceID, on host: ResourceID) -> DesiredSegment? {
        guard let segment = resource(id, as: Segment.self) else { return nil }
        var desired = DesiredSegment(
            id: id, generation: segment.metadata.generation, vni: segment.assigned.vni, group: segment.assigned.group,
            mtu: segment.assigned.mtu, ipam: segment.spec.ipam, prefix: segment.assigned.prefix,
            replication: segment.assigned.replication, dhcp: segment.spec.dhcp, ipv4: segment.spec.ipv4)
        desired.gateways = routers(of: id)
        desired.shared = sharedAddresses(on: segment)
        guard desired.replication == .unicast else { return desired }
        for other in relations.hostsOfSegment[id, default: [:]].keys where other != host {
            if let vtep = resource(other, as: Host.self)?.spec.vtep { desired.peers.insert(vtep) }
        }
        return desired
    }
}

extension HostIdentity {
    init(_ host: Resource<Host>) {
        self.init(
            id: host.metadata.id, name: host.metadata.name, vtep: host.spec.vtep, interface: host.spec.interface,
            generation: host.metadata.generation, serviceAddress: host.spec.serviceAddress,
            isPaused: host.spec.isPaused)
    }
}
