import Addressing
import NFTables
import NetworkModel
import Resources

/// A scope with everything in it that it cannot be planned without.
struct ClosedScope {
    private(set) var host: Bool
    private(set) var segments: Set<ResourceID> = []
    private(set) var attachments: Set<ResourceID> = []
    private(set) var gateways: Set<ResourceID> = []
    private let context: PlanContext
    private let scope: PlanScope

    init(_ scope: PlanScope, in context: PlanContext) {
        self.context = context
        self.scope = scope
        host = scope.host
        guard !scope.isWhole else {
            host = true
            segments = Set(context.desired.segments.keys)
            attachments = Set(context.desired.attachments.keys)
            gateways = Set(context.desired.gateways.keys)
                .union(context.seen.gateways.keys).union(context.wanted.gatewayPorts.keys)
            for subject in context.seen.owned.keys {
                switch subject {
                case .segment(let id): segments.insert(id)
                case .attachment(let id): attachments.insert(id)
                case .gateway(let id): gateways.insert(id)
                case .host, .orphan: break
                }
            }
            return
        }
        for id in scope.segments {
            add(segment: id)
            for attachment in context.wanted.attachments[id] ?? [] { add(attachment: attachment) }
        }
        for id in scope.tables { add(segment: id) }
        for id in scope.attachments { add(attachment: id) }
        for id in scope.gateways { add(gateway: id) }
        // A port is opened in a table that must be there, with the rules of its policies, and a gateway's uplink ends behind one.
        if context.observed.filter.digest != context.structure.digest,
            !attachments.isEmpty || !segments.isEmpty || !gateways.isEmpty
        {
            host = true
        }
        if attachments.contains(where: { context.desired.attachments[$0].flatMap(PolicyProfile.init) != nil }) {
            host = true
        }
    }

    var subjects: Set<Subject> {
        var subjects = Set(segments.map(Subject.segment)).union(attachments.map(Subject.attachment))
            .union(gateways.map(Subject.gateway))
        if host { subjects.insert(.host) }
        return subjects
    }

    /// The segment's own devices, without its attachments.
    private mutating func add(segment id: ResourceID) {
        guard segments.insert(id).inserted, let segment = context.desired.segments[id] else { return }
        for name in [InterfaceName.bridge(segment.vni), .vxlan(segment.vni)] + (context.seen.vxlans[segment.vni] ?? [])
        {
            add(ownerOf: name)
        }
        if context.portCount(segment) + newcomers(on: id) > PlanContext.maximumPorts {
            for port in context.seen.ports[.bridge(segment.vni)] ?? [] where context.isLeaving(port) {
                add(ownerOf: port)
            }
        }
    }

    /// At most so many ports can the scope bring to the segment's bridge; a few more than it names, for those in the way.
    private func newcomers(on segment: ResourceID) -> Int {
        scope.segments.contains(segment)
            ? context.wanted.attachments[segment]?.count ?? 0 : scope.attachments.count + scope.gateways.count + 16
    }

    private mutating func add(attachment id: ResourceID) {
        guard attachments.insert(id).inserted else { return }
        // The bridges that its devices are on now may lose their last port.
        for name in context.seen.owned[.attachment(id)] ?? [] {
            if let master = context.observed.links.links[name]?.settings.master { add(ownerOf: master) }
        }
        guard let attachment = context.desired.attachments[id] else { return }
        add(segment: attachment.segment)
        add(ownerOf: attachment.portName)
        if let place = attachment.place, case .attachment(let other) = context.mark(at: place) {
            add(attachment: other)
        }
        if case .gateway(let gateway) = attachment.port {
            add(gateway: gateway)
            if let segment = context.desired.segments[attachment.segment],
                case .attachment(let other) = context.mark(
                    at: PeerPlace(.gateway(gateway), .gatewaySegment(segment.vni)))
            {
                add(attachment: other)
            }
        }
    }

    private mutating func add(gateway id: ResourceID) {
        guard gateways.insert(id).inserted else { return }
        for port in context.desired.gateways[id]?.ports.values.sorted() ?? [] { add(attachment: port) }
        for port in context.wanted.gatewayPorts[id] ?? [] { add(attachment: port) }
    }

    private mutating func add(ownerOf name: InterfaceName) {
        switch context.seen.marks[name] {
        case .segment(let id): add(segment: id)
        case .attachment(let id): add(attachment: id)
        case .external(let mark): add(attachment: mark.attachment)
        case .uplink(let mark): gateways.insert(mark.gateway)
        case .gateway, nil: break
        }
    }
}
