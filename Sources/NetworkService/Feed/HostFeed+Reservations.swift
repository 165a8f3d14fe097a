import Addressing
import NetworkModel
import Resources

/// What the host of a segment's gateway needs to know of all attachments of the segment, wherever they are.
extension CacheState {
    func addReservations(to update: inout HostUpdate, for host: ResourceID, _ dirt: FeedDirt) {
        let routed = dirt.everything ? routedSegments(of: host) : []
        let whole = dirt.everything ? routed : dirt.reservationTables
        for segment in whole.union(dirt.reservations.keys).sorted() {
            var change = ReservationChange(segment: segment, reset: whole.contains(segment))
            let isHere = dirt.everything || gatewayHosts(of: segment).contains(host)
            if change.reset {
                if isHere {
                    change.put = relations.attachmentsOfSegment[segment, default: []].sorted()
                        .compactMap { reservation(of: $0, on: segment) }
                }
                if change.put.isEmpty, dirt.everything { continue }
            } else {
                guard isHere else { continue }
                for id in dirt.reservations[segment, default: []].sorted() {
                    if let reservation = reservation(of: id, on: segment) {
                        change.put.append(reservation)
                    } else {
                        change.removed.insert(id)
                    }
                }
            }
            update.reservations.append(change)
        }
    }

    /// One attachment of a segment has come, changed or gone.
    mutating func markReservation(_ old: Resource<Attachment>?, _ new: Resource<Attachment>?) {
        guard let resource = new ?? old, let segment = resource.spec.segment.id,
            self.resource(segment, as: Segment.self)?.spec.hasServer == true
        else { return }
        if let old, let new, old.assigned == new.assigned { return }
        for host in gatewayHosts(of: segment) {
            mark(host: host) { $0.reservations[segment, default: []].insert(resource.metadata.id) }
        }
    }

    /// A segment has another mode.
    mutating func markReservations(of segment: ResourceID) {
        for host in gatewayHosts(of: segment) { mark(host: host) { $0.reservationTables.insert(segment) } }
    }

    /// A gateway has come, gone or moved, or has other segments.
    mutating func markReservations(_ old: Resource<Gateway>?, _ new: Resource<Gateway>?) {
        func places(_ gateway: Resource<Gateway>?) -> Set<RoutedSegment> {
            guard let gateway else { return [] }
            return gateway.carriers.reduce(into: []) { places, host in
                for segment in gateway.assigned.ports.keys {
                    places.insert(RoutedSegment(segment: segment, host: host))
                }
            }
        }
        for place in places(old).symmetricDifference(places(new)) {
            mark(host: place.host) { $0.reservationTables.insert(place.segment) }
        }
    }

    private struct RoutedSegment: Hashable {
        var segment: ResourceID
        var host: ResourceID
    }

    private func gatewayHosts(of segment: ResourceID) -> [ResourceID] {
        holders.gateway[segment].flatMap { resource($0, as: Gateway.self) }?.carriers ?? []
    }

    private func routedSegments(of host: ResourceID) -> Set<ResourceID> {
        relations.gatewaysOfHost[host, default: []].reduce(into: []) { segments, gateway in
            segments.formUnion(resource(gateway, as: Gateway.self)?.assigned.ports.keys.map { $0 } ?? [])
        }
    }

    /// nil for an attachment that DHCP has nothing to give to.
    private func reservation(of id: ResourceID, on segment: ResourceID) -> Reservation? {
        guard let attachment = resource(id, as: Attachment.self), attachment.spec.segment.id == segment,
            let network = resource(segment, as: Segment.self), network.spec.hasServer
        else { return nil }
        switch attachment.spec.port {
        case .gateway, .external: return nil
        case .tap, .namespace: break
        }
        let addresses = network.spec.dhcp == .stateful ? attachment.assigned.addresses.map(\.value) : []
        let delegated = network.spec.dhcp == .none ? nil : attachment.assigned.delegatedPrefix
        let ipv4 = network.spec.ipv4 == nil ? nil : attachment.assigned.ipv4
        guard !addresses.isEmpty || delegated != nil || ipv4 != nil else { return nil }
        return Reservation(
            attachment: id, mac: attachment.assigned.mac, addresses: addresses, delegated: delegated, ipv4: ipv4)
    }
}

extension Segment.Spec {
    /// Whether a DHCP server of either family serves the segment.
    fileprivate var hasServer: Bool { dhcp != .none || ipv4 != nil }
}
