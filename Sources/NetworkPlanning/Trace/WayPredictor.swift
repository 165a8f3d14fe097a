package import Addressing
package import NetworkModel
package import Resources

/// What becomes of a frame on its whole way, from the plans of the hosts on it: ports, bridges, tunnels, gateways and
/// translators, there and back.
///
/// Pure, like the plans. What plans do not say (what a guest answers, what lies outside) is a hop of its own that says so.
package struct WayPredictor: Sendable {
    let hosts: [ResourceID: WayHost]
    /// Where each attachment is; a gateway's port where the gateway has the role.
    let places: [ResourceID: ResourceID]
    /// The attachment that has each MAC address of a segment.
    private let owners: [SegmentMAC: ResourceID]
    /// The gateway's port that routes each segment.
    private let routers: [ResourceID: ResourceID]

    /// The attachment that has each IPv4 address of a segment.
    private let legacy: [SegmentIPv4Address: ResourceID]

    private struct SegmentIPv4Address: Hashable {
        var segment: ResourceID
        var address: IPv4Address
    }

    private struct SegmentMAC: Hashable {
        var segment: ResourceID
        var mac: MACAddress
    }

    /// - Parameter snapshots: one of each host; they need to have no more than what the ways concern.
    package init(_ snapshots: [HostSnapshot]) {
        var hosts: [ResourceID: WayHost] = [:]
        var places: [ResourceID: ResourceID] = [:]
        var owners: [SegmentMAC: ResourceID] = [:]
        var routers: [ResourceID: ResourceID] = [:]
        var legacy: [SegmentIPv4Address: ResourceID] = [:]
        for snapshot in snapshots {
            hosts[snapshot.host.id] = WayHost(snapshot)
            for attachment in snapshot.attachments.values {
                if case .gateway(let gateway) = attachment.port {
                    // Of a gateway that moves, both hosts have the port.
                    guard snapshot.gateways[gateway]?.role ?? .active == .active else { continue }
                    if snapshot.gateways[gateway]?.ports[attachment.segment] == attachment.id {
                        routers[attachment.segment] = attachment.id
                    }
                }
                places[attachment.id] = snapshot.host.id
                owners[SegmentMAC(segment: attachment.segment, mac: attachment.mac)] = attachment.id
                if let address = attachment.ipv4 {
                    legacy[SegmentIPv4Address(segment: attachment.segment, address: address)] = attachment.id
                }
            }
        }
        self.hosts = hosts
        self.places = places
        self.owners = owners
        self.routers = routers
        self.legacy = legacy
    }

    package func predict(_ question: WayQuestion, recording: Bool = false) -> WayPrediction {
        var run = WayRun(predictor: self, isRecording: recording)
        run.predict(question)
        return WayPrediction(question: question, hops: run.hops)
    }

    // MARK: Looking things up

    package func attachment(_ id: ResourceID) -> DesiredAttachment? {
        places[id].flatMap { hosts[$0]?.snapshot.attachments[id] }
    }

    package func host(of attachment: ResourceID) -> ResourceID? { places[attachment] }

    package func snapshot(of host: ResourceID) -> HostSnapshot? { hosts[host]?.snapshot }

    /// Who has an address, of all attachments in the plans; the lowest id of several.
    package func holders(of address: IPv6Address) -> [ResourceID] {
        var found: Set<ResourceID> = []
        for host in hosts.values {
            for table in host.snapshot.bindings.values {
                if let binding = table[address] { found.insert(binding.attachment) }
            }
        }
        return found.filter { places[$0] != nil }.sorted()
    }

    package func owner(of mac: MACAddress) -> ResourceID? {
        owners.filter { $0.key.mac == mac }.values.min()
    }

    /// The address that a guest is taken to have: one that it has taken for itself, else one that it was given, else its
    /// link-local one; global where `isGlobal`, as far as there is one.
    package func address(of attachment: ResourceID, global isGlobal: Bool = true) -> IPv6Address? {
        guard let desired = self.attachment(attachment), let place = places[attachment], let host = hosts[place] else {
            return nil
        }
        let table = host.snapshot.bindings[desired.segment] ?? [:]
        let held = (host.held[attachment] ?? []).filter { table[$0]?.attachment == attachment }.sorted()
        let learned = held.filter { table[$0]?.origin == .learned }
        let all = learned + desired.addresses.map(\.value) + held
        if isGlobal, let address = all.first(where: { !$0.isLinkLocal }) { return address }
        return all.first(where: \.isLinkLocal) ?? .linkLocal(desired.mac)
    }

    /// Who has an IPv4 address inside a segment.
    package func holder(of address: IPv4Address, on segment: ResourceID) -> ResourceID? {
        legacy[SegmentIPv4Address(segment: segment, address: address)]
    }

    /// The port of the managed gateway that routes a segment.
    func router(of segment: ResourceID) -> ResourceID? { routers[segment] }

    func owner(of mac: MACAddress, on segment: ResourceID) -> ResourceID? {
        owners[SegmentMAC(segment: segment, mac: mac)]
    }

    /// The managed gateway that routes a segment, and its host.
    func gateway(of segment: ResourceID) -> (id: ResourceID, host: ResourceID)? {
        guard let port = routers[segment], let host = places[port],
            case .gateway(let id)? = hosts[host]?.snapshot.attachments[port]?.port
        else { return nil }
        return (id, host)
    }
}
