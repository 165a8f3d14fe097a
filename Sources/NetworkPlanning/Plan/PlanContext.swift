import Addressing
import NFTables
import NetworkModel
import Resources

/// What a plan is made from, and the judgments that several parts of it share. Nothing here depends on the scope, so
/// that a plan of a part judges as a plan of everything does.
///
/// A class only so that handing it on costs one reference and not one for each of its parts: it never changes.
final class PlanContext: Sendable {
    let desired: HostSnapshot
    let observed: ObservedHost
    let wanted: DesiredIndex
    let seen: ObservedIndex
    /// The packet filter's structure.
    let structure: Ruleset
    let fitness: HostFitness

    /// BR_MAX_PORTS - 1 (net/bridge/br_private.h): port numbers are 1 to 1023.
    static let maximumPorts = 1023

    init(
        desired: HostSnapshot, observed: ObservedHost, wanted: DesiredIndex, seen: ObservedIndex, structure: Ruleset
    ) {
        self.desired = desired
        self.observed = observed
        self.wanted = wanted
        self.seen = seen
        self.structure = structure
        fitness = HostFitness(of: desired.host, on: observed.links)
    }

    /// Whether the host shall have the segment's devices: it is known, and some attachment needs it.
    func isPresent(_ segment: ResourceID) -> Bool {
        desired.segments[segment] != nil && wanted.attachments[segment] != nil
    }

    /// The segment that shall have this VNI here: the lowest id, should two claim it.
    func claimant(of vni: VNI) -> ResourceID? { wanted.segments[vni]?.filter(isPresent).min() }

    /// Whether a device of ours is still what its owner wants in that place.
    func isWanted(_ name: InterfaceName, _ mark: DeviceMark) -> Bool {
        switch mark {
        case .segment(let id):
            guard let segment = desired.segments[id], isPresent(id) else { return false }
            return name == .bridge(segment.vni) || name == .vxlan(segment.vni)
        case .attachment(let id):
            // One of another kind, or with its other end elsewhere, is what the attachment was before a change.
            guard let attachment = desired.attachments[id], attachment.portName == name,
                desired.segments[attachment.segment] != nil, let link = observed.links.links[name]
            else { return false }
            if case .gateway = attachment.port {
                // Its other end is named after the VNI, so only a port of the VNI's claimant may have it.
                guard isKnownToGateway(attachment), let vni = desired.segments[attachment.segment]?.vni,
                    claimant(of: vni) == attachment.segment
                else { return false }
            }
            return isRightKind(link, for: attachment)
        case .external(let mark):
            guard let attachment = desired.attachments[mark.attachment], attachment.port == .external(name),
                let segment = desired.segments[attachment.segment], let link = observed.links.links[name]
            else { return false }
            // One too small for its segment would not be taken either.
            return link.settings.mtu >= segment.mtu.bytes
        case .gateway: return true
        case .uplink(let mark):
            guard let uplink = desired.gateways[mark.gateway]?.uplink else { return false }
            switch uplink.way {
            case .routed: return mark.taken == nil && name == .uplink(mark.gateway.bytes)
            case .interface(let wanted): return mark.taken?.name == wanted.interface
            }
        }
    }

    /// Whether the device at that name is ours and goes away in this plan, or comes back to its operator.
    func isLeaving(_ name: InterfaceName) -> Bool {
        guard let mark = seen.marks[name] else { return false }
        return !isWanted(name, mark)
    }

    /// Whether a device that goes away must do so first, because it holds what another wants. All others go last:
    /// deleting a bridge or VXLAN takes the kernel 17 ms and more.
    func isInTheWay(_ name: InterfaceName, _ mark: DeviceMark) -> Bool {
        switch mark {
        case .segment:
            if let vni = name.segmentVNI, claimant(of: vni) != nil { return true }
            // The kernel has one device for a VNI: also one that somebody has given another name holds it.
            if case .vxlan(let settings) = observed.links.links[name]?.kind { return claimant(of: settings.vni) != nil }
            return false
        case .attachment(let id):
            if wanted.ports[name] != nil { return true }
            if seen.peers[id]?.contains(where: isClaimed) == true { return true }
            return isOnFullBridge(name)
        case .external: return wanted.ports[name] != nil || isOnFullBridge(name)
        case .gateway, .uplink: return false
        }
    }

    /// Whether some attachment wants the other end of its veth there.
    private func isClaimed(_ place: PeerPlace) -> Bool {
        if wanted.places[place] != nil { return true }
        guard let vni = place.name.segmentVNI, let segment = claimant(of: vni) else { return false }
        return wanted.attachments[segment]?.contains {
            if case .gateway(let id) = desired.attachments[$0]?.port {
                NamespaceName.gateway(id) == place.namespace
            } else {
                false
            }
        } == true
    }

    /// Whether the gateway that the attachment says it is a port of says so too.
    func isKnownToGateway(_ attachment: DesiredAttachment) -> Bool {
        guard case .gateway(let gateway) = attachment.port else { return false }
        return desired.gateways[gateway]?.ports[attachment.segment] == attachment.id
    }

    /// Whether its bridge might be too full for its place to be taken before it is free.
    private func isOnFullBridge(_ name: InterfaceName) -> Bool {
        guard let vni = observed.links.links[name]?.settings.master?.segmentVNI,
            let segment = claimant(of: vni).flatMap({ desired.segments[$0] })
        else { return false }
        return portCount(segment) + (wanted.attachments[segment.id]?.count ?? 0) + 1 > Self.maximumPorts
    }

    /// How many ports are on the segment's bridge now.
    func portCount(_ segment: DesiredSegment) -> Int { seen.ports[.bridge(segment.vni)]?.count ?? 0 }

    /// The attachments that find no room on the segment's bridge: those with the highest ids among the newcomers. Looks
    /// at them one by one only when there are too many in all.
    func crowdedOut(of segment: ResourceID) -> Set<ResourceID> {
        guard let vni = desired.segments[segment]?.vni, let members = wanted.attachments[segment] else { return [] }
        let foreign = seen.foreignPorts[.bridge(vni)] ?? 0
        guard 1 + foreign + members.count > Self.maximumPorts else { return [] }
        let onBridge = seen.ports[.bridge(vni)] ?? []
        var newcomers: [ResourceID] = []
        var present = 0
        for id in members {
            guard let port = desired.attachments[id]?.portName else { continue }
            if onBridge.contains(port), !isLeaving(port) { present += 1 } else { newcomers.append(id) }
        }
        return Set(newcomers.sorted().dropFirst(max(0, Self.maximumPorts - 1 - foreign - present)))
    }

    /// Who of several that want the same has it: the one that holds it already, otherwise the lowest id. One whose
    /// segment is not known claims nothing.
    func holder(among claimants: Set<ResourceID>, present: ResourceID?) -> ResourceID? {
        let claimants = claimants.filter {
            desired.attachments[$0].map { desired.segments[$0.segment] != nil } ?? false
        }
        if let present, claimants.contains(present) { return present }
        return claimants.min()
    }

    /// Our mark on the device in that place of another namespace.
    func mark(at place: PeerPlace) -> DeviceMark? {
        observed.inside[place.namespace]?.links[place.name].flatMap(DeviceMark.of)
    }

    /// Whether an attachment's port is where it may forward: ours, of the right kind, on the segment's own bridge.
    func isSafe(_ attachment: DesiredAttachment) -> Bool {
        guard let link = observed.links.links[attachment.portName], let mark = seen.marks[link.name],
            mark.subject == .attachment(attachment.id), isWanted(link.name, mark),
            let segment = desired.segments[attachment.segment]
        else { return false }
        return link.settings.master == .bridge(segment.vni)
            && seen.marks[.bridge(segment.vni)] == .segment(segment.id)
    }

    /// Whether an attachment is the port of a gateway that is to have the role here and does not have it yet: it is made,
    /// and does not forward.
    func isHeldBack(_ attachment: DesiredAttachment) -> Bool {
        guard case .gateway(let gateway) = attachment.port else { return false }
        return desired.gateways[gateway]?.role == .next
    }

    /// Whether an attachment's port may forward now.
    func mayForward(_ attachment: DesiredAttachment) -> Bool {
        isSafe(attachment) && !isHeldBack(attachment) && wanted.oversize(of: attachment) == nil
    }

    /// A port's settings as they will be when the steps before have been done: a bridge of that name which is not this
    /// segment's yet is made anew, and then has no ports.
    func settled(_ settings: LinkSettings, on segment: DesiredSegment) -> LinkSettings {
        var settings = settings
        if settings.master == .bridge(segment.vni), seen.marks[.bridge(segment.vni)] != .segment(segment.id) {
            settings.master = nil
        }
        return settings
    }

    /// Whether the device is of the kind that the attachment wants, with its other end where it shall be.
    func isRightKind(_ link: ObservedLink, for attachment: DesiredAttachment) -> Bool {
        switch (attachment.port, link.kind) {
        case (.tap, .tap): return !link.isUnfinished
        case (.namespace(let namespace, let interface), .veth):
            return !link.isUnfinished && isPeer(of: attachment.id, at: PeerPlace(namespace, interface))
        case (.gateway(let gateway), .veth):
            guard let segment = desired.segments[attachment.segment] else { return false }
            return !link.isUnfinished
                && isPeer(of: attachment.id, at: PeerPlace(.gateway(gateway), .gatewaySegment(segment.vni)))
        default: return false
        }
    }

    /// A namespace that exists but was not looked into is given the benefit of the doubt: nothing is made again for it.
    private func isPeer(of attachment: ResourceID, at place: PeerPlace) -> Bool {
        guard observed.namespaces.contains(place.namespace) else { return false }
        return observed.inside[place.namespace] == nil || mark(at: place) == .attachment(attachment)
    }
}
