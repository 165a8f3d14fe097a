package import Addressing
package import NetworkModel
package import Resources

/// The ways the planner must find desired items other than by id; kept like `ObservedIndex`.
package struct DesiredIndex: Hashable, Sendable {
    /// The attachments of a segment: a segment without any has no devices.
    package private(set) var attachments: [ResourceID: Set<ResourceID>] = [:]
    /// Who wants the interface of that name in the host's namespace as its port; more than one only for an external
    /// interface that two attachments name.
    package private(set) var ports: [InterfaceName: Set<ResourceID>] = [:]
    /// Who wants the other end of its veth there.
    package private(set) var places: [PeerPlace: Set<ResourceID>] = [:]
    package private(set) var segments: [VNI: Set<ResourceID>] = [:]
    /// The attachments that say they are a gateway's ports.
    package private(set) var gatewayPorts: [ResourceID: Set<ResourceID>] = [:]

    /// The attachments with the same policies of users.
    package private(set) var profiles: [PolicyProfile: Set<ResourceID>] = [:]
    /// Each profile's number in the packet filter.
    package private(set) var profileNumbers: [PolicyProfile: UInt32] = [:]
    /// The profiles with more pieces than a host builds, and how many they have: ports with such policies are closed.
    package private(set) var oversized: [PolicyProfile: Int] = [:]
    /// What an attachment holds in its segment's binding table.
    package private(set) var bindings: [ResourceID: Set<IPv6Address>] = [:]

    package init() {}

    package init(_ desired: HostSnapshot) {
        for segment in desired.segments.values { add(segment) }
        for attachment in desired.attachments.values { add(attachment) }
        for table in desired.bindings.values { for binding in table.values { add(binding) } }
        measureProfiles(in: desired)
    }

    /// Counts what the profiles are cut into, once attachments, policies or members have changed.
    package mutating func measureProfiles(in desired: HostSnapshot) {
        oversized = [:]
        for profile in profiles.keys {
            let pieces = profile.pieces(in: desired)
            if pieces > Policy.Spec.maximumPiecesOfPort { oversized[profile] = pieces }
        }
    }

    /// How many pieces the policies of an attachment have, when that is more than a host builds.
    package func oversize(of attachment: DesiredAttachment) -> Int? {
        oversized.isEmpty ? nil : PolicyProfile(of: attachment).flatMap { oversized[$0] }
    }

    package mutating func add(_ binding: Binding) {
        bindings[binding.attachment, default: []].insert(binding.address)
    }

    package mutating func remove(_ binding: Binding) { bindings.remove(binding.address, from: binding.attachment) }

    package mutating func add(_ segment: DesiredSegment) { segments[segment.vni, default: []].insert(segment.id) }

    package mutating func remove(_ segment: DesiredSegment) { segments.remove(segment.id, from: segment.vni) }

    package mutating func add(_ attachment: DesiredAttachment) {
        attachments[attachment.segment, default: []].insert(attachment.id)
        ports[attachment.portName, default: []].insert(attachment.id)
        if let place = attachment.place { places[place, default: []].insert(attachment.id) }
        if case .gateway(let id) = attachment.port { gatewayPorts[id, default: []].insert(attachment.id) }
        if let profile = PolicyProfile(of: attachment) {
            profiles[profile, default: []].insert(attachment.id)
            if profileNumbers[profile] == nil { profileNumbers = PolicyProfile.numbers(profiles.keys) }
        }
    }

    package mutating func remove(_ attachment: DesiredAttachment) {
        attachments.remove(attachment.id, from: attachment.segment)
        ports.remove(attachment.id, from: attachment.portName)
        if let place = attachment.place { places.remove(attachment.id, from: place) }
        if case .gateway(let id) = attachment.port { gatewayPorts.remove(attachment.id, from: id) }
        if let profile = PolicyProfile(of: attachment) {
            profiles.remove(attachment.id, from: profile)
            if profiles[profile] == nil { profileNumbers = PolicyProfile.numbers(profiles.keys) }
        }
    }
}

extension DesiredAttachment {
    /// The interface of the host's namespace that is the bridge port.
    package var portName: InterfaceName {
        if case .external(let name) = port { name } else { .port(id.bytes) }
    }

    /// Where a user's attachment wants the other end of its veth; nil for other kinds, also for a gateway's port: no
    /// two attachments can want the same place of a gateway's namespace.
    package var place: PeerPlace? {
        if case .namespace(let namespace, let interface) = port { PeerPlace(namespace, interface) } else { nil }
    }
}
