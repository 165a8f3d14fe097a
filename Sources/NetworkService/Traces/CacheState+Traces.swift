import Addressing
import NetworkModel
import NetworkPlanning
import Persistence
import Resources

extension CacheState {
    /// `attachment`, an address that an attachment of the project has, or anything that is outside.
    func traceEnd(
        _ text: String, in project: ResourceID, field: String, for principal: Principal
    ) throws(Problem) -> TraceMaterial.End {
        if text == "outside" { return .outside(WayQuestion.somebodyOutside) }
        let isOutside = text.hasPrefix("outside/")
        let word = isOutside ? String(text.dropFirst(8)) : text
        if let ipv4 = IPv4Address(word) { return .outsideIPv4(ipv4) }
        if let address = try? IPv6Address(parsing: word) {  // anything else is a name
            guard !address.isMulticast, !address.isUnspecified else {
                throw Problem(field: field, value: word, rule: "must be a unicast address")
            }
            guard !isOutside, let holder = attachment(holding: address, in: project),
                let item = items[holder], principal.sees(item, self)
            else { return .outside(address) }
            return .attachment(holder, address: address)
        }
        guard !isOutside else {
            throw Problem(field: field, value: String(text.prefix(64)), rule: "must name an address after 'outside/'")
        }
        let name = text.hasPrefix("attachment/") ? String(text.dropFirst(11)) : text
        guard let found = item(.attachment, project: project, name), principal.sees(found, self) else {
            throw Problem(
                .notFound, "there is no attachment '\(name.prefix(64))', and it is no address", field: field,
                value: String(name.prefix(64)))
        }
        return .attachment(found.id, address: nil)
    }

    /// Whether an IPv4 address is one inside the attachment's segment.
    func isInside(_ address: IPv4Address, segmentOf attachment: ResourceID) -> Bool {
        segment(of: attachment)?.spec.ipv4?.prefix.contains(address) == true
    }

    /// Who has it there, as far as the principal may know; somebody else otherwise.
    func inside(
        _ address: IPv4Address, segmentOf attachment: ResourceID, _ text: String, _ principal: Principal
    ) -> TraceMaterial.End {
        guard !text.hasPrefix("outside/") else { return .outsideIPv4(address) }
        let segment = segment(of: attachment)?.metadata.id
        let holder = all(of: segment).first { $0.assigned.ipv4 == address }?.metadata.id
        guard let holder, let item = items[holder], principal.sees(item, self) else { return .outside(address.mapped) }
        return .attachment(holder, address: address.mapped)
    }

    private func segment(of id: ResourceID) -> Resource<Segment>? {
        resource(id, as: Attachment.self)?.spec.segment.id.flatMap { resource($0, as: Segment.self) }
    }

    private func all(of segment: ResourceID?) -> [Resource<Attachment>] {
        segment.map { relations.attachmentsOfSegment[$0, default: []].compactMap { resource($0, as: Attachment.self) } }
            ?? []
    }

    /// Its own addresses first, then what was learned; link-local ones mean something on one segment alone.
    private func attachment(holding address: IPv6Address, in project: ResourceID) -> ResourceID? {
        let ids = (collections[Scope(kind: .attachment, project: project)]?.order ?? []).map(\.id)
        return ids.first { id in
            resource(id, as: Attachment.self)?.assigned.addresses.contains { $0.value == address } ?? false
        } ?? ids.first { id in bindings(of: id).contains { $0.address == address } }
    }

    /// An end with its host, its segment, and whoever routes that.
    func add(_ id: ResourceID, _ address: IPv6Address?, to extent: inout TraceExtent) {
        guard let attachment = resource(id, as: Attachment.self), let segment = attachment.spec.segment.id else {
            return
        }
        add(attachment, to: &extent)
        extent.segments.insert(segment)
        guard let gateway = holders.gateway[segment].flatMap({ resource($0, as: Gateway.self) }) else { return }
        extent.gateways.insert(gateway.metadata.id)
        extent.hosts.formUnion(gateway.carriers)
        for case .policy(let policy) in gateway.effectivePolicies { extent.policies.insert(policy) }
        for (segment, port) in gateway.assigned.ports {
            extent.segments.insert(segment)
            if let port = resource(port, as: Attachment.self) { add(port, to: &extent) }
        }
    }

    /// Guests that are routers of a prefix with the address.
    func addRouters(of address: IPv6Address, to extent: inout TraceExtent) {
        guard let router = holders.delegated.first(where: { $0.key.contains(address) })?.value,
            let attachment = resource(router, as: Attachment.self), let segment = attachment.spec.segment.id,
            extent.segments.contains(segment)
        else { return }
        add(attachment, to: &extent)
    }

    private func add(_ attachment: Resource<Attachment>, to extent: inout TraceExtent) {
        extent.attachments.insert(attachment.metadata.id)
        extent.hosts.formUnion(attachment.hosts)
        for case .policy(let policy) in attachment.effectivePolicies { extent.policies.insert(policy) }
    }

    /// What a host is told, as far as it concerns the way; nil while there is no underlay.
    func snapshot(of id: ResourceID, _ extent: TraceExtent) throws(Problem) -> HostSnapshot? {
        guard let host = resource(id, as: Host.self) else { return nil }
        let segments = relations.segmentsOfHost[id, default: []].intersection(extent.segments)
        let gateways = relations.gatewaysOfHost[id, default: []].intersection(extent.gateways)
        let policies = relations.policiesOfHost[id, default: []].intersection(extent.policies)
        let (_, signal) = AsyncStream.makeStream(of: Void.self)
        var dirt = FeedDirt(signal: signal)
        dirt.everything = false
        dirt.host = true
        dirt.underlay = true
        dirt.vteps = true
        dirt.segments = segments
        dirt.attachments = relations.attachmentsOfHost[id, default: []].intersection(extent.attachments)
        dirt.gateways = gateways
        dirt.policies = policies
        dirt.members = policies.reduce(into: []) { $0.formUnion(peers(of: $1)) }
        dirt.tables = segments
        dirt.reservationTables = gateways.isEmpty ? [] : segments
        guard var update = update(for: host, dirt) else { return nil }
        update.reset = true
        do { return try HostSnapshot(update) } catch {
            throw Problem(.internal, "the plan of host '\(host.metadata.name)' cannot be made: \(error)")
        }
    }

    func names(_ extent: TraceExtent) -> [ResourceID: String] {
        let ids = extent.hosts.union(extent.segments).union(extent.attachments).union(extent.gateways)
            .union(extent.policies)
        return ids.reduce(into: [:]) { names, id in names[id] = items[id]?.name.text }
    }
}
