import Addressing
import NetworkModel
import NetworkPlanning
import Resources

/// Which resource of the snapshot a device serves: what a kernel event's name means.
struct NameIndex: Sendable {
    private var subjects: [InterfaceName: Subject] = [:]

    subscript(name: InterfaceName) -> Subject? { subjects[name] }

    init() {}

    init(_ snapshot: HostSnapshot) {
        subjects[snapshot.host.interface] = .host
        for segment in snapshot.segments.values { insert(segment) }
        for attachment in snapshot.attachments.values { insert(attachment) }
    }

    mutating func insert(_ segment: DesiredSegment) {
        for name in segment.devices { subjects[name] = .segment(segment.id) }
    }

    mutating func insert(_ attachment: DesiredAttachment) {
        subjects[attachment.portName] = .attachment(attachment.id)
    }

    mutating func remove(_ names: some Sequence<InterfaceName>) {
        for name in names { subjects[name] = nil }
    }
}

extension DesiredSegment {
    /// The devices that realise it in the host's namespace.
    var devices: [InterfaceName] { [.bridge(vni), .vxlan(vni)] }
}

extension DesiredAttachment {
    /// The namespace its other end is in.
    var namespace: NamespaceName? {
        switch port {
        case .namespace(let name, _): name
        case .gateway(let id): .gateway(id)
        case .tap, .external: nil
        }
    }
}
