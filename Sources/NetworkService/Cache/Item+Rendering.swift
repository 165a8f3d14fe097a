import Addressing
import NetworkModel
import NetworkPlanning
import Resources

/// What a client reads: the envelope, and the status made of what KC assigned and what hosts report.
extension Item {
    func write(_ view: View, to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("kind", resource.kind.name.singular)
            resource.metadata.writeMembers(to: &writer)
            resource.writeSpec(to: &writer, view)
            writer.name("status")
            writer.object { writer in
                if view == .full { writeStatus(to: &writer) } else { writeTenantsStatus(to: &writer) }
            }
        }
    }

    private func writeStatus(to writer: inout JSONWriter) {
        switch resource {
        case .project, .pool, .underlay, .policy, .token: break
        case .zone: writeHosts(to: &writer)
        case .service:
            writeHosts(to: &writer)
            // One host carries it, or two while its gateway moves.
            writer.member("message", status.reports.compactMap(\.report.message).first)
        case .record(let record): writer.member("owner", record.assigned.owner)
        case .host(let host): write(host, to: &writer)
        case .segment(let segment): write(segment, to: &writer)
        case .attachment(let attachment): write(attachment, to: &writer)
        case .gateway(let gateway): write(gateway, to: &writer)
        case .mapping(let mapping):
            writer.member("ipv4", mapping.assigned.ipv4)
            writer.member("address", mapping.assigned.address)
        }
    }

    private func write(_ host: Resource<Host>, to writer: inout JSONWriter) {
        switch status.liveness {
        case .neverSeen: writer.member("phase", "never-seen")
        case .up: writer.member("phase", "up")
        case .down(let lastSeen):
            writer.member("phase", "down")
            writer.member("lastSeen", lastSeen)
        }
        let report = report(of: host.metadata.id)
        writer.member("agent", report?.phase)
        if status.agents.isEmpty {
            writer.member("message", report?.message)
        } else {
            writer.member("message", HostAgents.warning(status.agents))
            writer.member("agents", status.agents)
        }
        guard let report else { return }
        writer.member("details", report.details)
    }

    private func write(_ segment: Resource<Segment>, to writer: inout JSONWriter) {
        let assigned = segment.assigned
        writer.member("vni", assigned.vni)
        writer.member("group", assigned.group)
        writer.member("mtu", assigned.mtu)
        writer.member("prefix", assigned.prefix)
        writer.member("replication", assigned.replication)
        writeHosts(to: &writer)
    }

    /// The worst that any host says; what no host needs is nowhere realised, which is no fault.
    private func writeHosts(to writer: inout JSONWriter) {
        writer.member("phase", worstPhase)
        writer.name("hosts")
        writer.object { writer in
            for entry in status.reports { writer.member(entry.host.text, entry.report) }
        }
    }

    private var worstPhase: String {
        let worst: [Report.Phase] = [.failed, .unfit, .pending, .wired]
        let phase = worst.first { phase in status.reports.contains { $0.report.phase == phase } }
        return phase?.rawValue ?? "unused"
    }

    private func write(_ attachment: Resource<Attachment>, to writer: inout JSONWriter) {
        let report = report(of: attachment.spec.host?.id)
        writeAddresses(of: attachment, report, to: &writer)
        writePhase(report, unbound: attachment.spec.host == nil, to: &writer)
        writer.member("interface", report?.interface)
        if let details = report?.details, !details.isEmpty { writer.member("details", details) }
    }

    private func writeAddresses(of attachment: Resource<Attachment>, _ report: Report?, to writer: inout JSONWriter) {
        writer.member("mac", attachment.assigned.mac)
        var addresses = attachment.assigned.addresses
        let known = Set(addresses.map(\.value))
        // An agent of the format before says what it has learned in its report.
        for address in Set(status.learned).union(report?.learned ?? []).subtracting(known).sorted() {
            addresses.append(AttachmentAddress(address, origin: .learned))
        }
        writer.name("addresses")
        writer.array { writer in
            for address in addresses { address.write(to: &writer) }
            guard let ipv4 = attachment.assigned.ipv4 else { return }
            let origin: AttachmentAddress.Origin = attachment.spec.ipv4 == nil ? .assigned : .static
            writer.object { writer in
                writer.member("value", ipv4)
                writer.member("origin", origin)
            }
        }
        writer.member("delegatedPrefix", attachment.assigned.delegatedPrefix)
        writer.member("policies", attachment.effectivePolicies)
    }

    private func write(_ gateway: Resource<Gateway>, to writer: inout JSONWriter) {
        let report = report(of: gateway.spec.host?.id)
        writer.member("outgoing", gateway.assigned.outgoing)
        writePorts(of: gateway, to: &writer)
        if let move = gateway.move, move.phase != .settled {
            writer.name("move")
            writer.object { writer in
                writer.member("phase", move.phase.rawValue)
                writer.member("next", move.next)
            }
        }
        if gateway.assigned.term > 0 { writer.member("term", gateway.assigned.term) }
        switch gateway.spec.type {
        case .managed: writePhase(report, unbound: false, to: &writer)
        // Nobody realises anything: the right is the attachment's from the moment it is given.
        case .attachment: writer.member("phase", Report.Phase.wired)
        }
        writer.member("details", report?.details ?? [:])
    }

    private func writePorts(of gateway: Resource<Gateway>, to writer: inout JSONWriter) {
        writer.name("ports")
        writer.object { writer in
            for (segment, port) in gateway.assigned.ports.sorted(by: { $0.key < $1.key }) {
                writer.member(segment.description, port)
            }
        }
    }

    /// Without hosts, devices, VNIs and groups; and without messages and details of agents, which may name them.
    private func writeTenantsStatus(to writer: inout JSONWriter) {
        switch resource {
        case .project, .pool, .underlay, .policy, .token, .host, .service: break
        case .record, .mapping: writeStatus(to: &writer)
        case .zone: writer.member("phase", worstPhase)
        case .segment(let segment):
            writer.member("mtu", segment.assigned.mtu)
            writer.member("prefix", segment.assigned.prefix)
            writer.member("phase", worstPhase)
        case .attachment(let attachment):
            let report = report(of: attachment.spec.host?.id)
            writeAddresses(of: attachment, report, to: &writer)
            writer.member("phase", phase(report))
        case .gateway(let gateway):
            writer.member("outgoing", gateway.assigned.outgoing)
            writePorts(of: gateway, to: &writer)
            let isManaged = gateway.spec.type == .managed
            writer.member("phase", isManaged ? phase(report(of: gateway.spec.host?.id)) : .wired)
        }
    }

    private func phase(_ report: Report?) -> Report.Phase {
        report.map { $0.generation >= resource.metadata.generation ? $0.phase : .pending } ?? .pending
    }

    /// A report about an older generation says nothing about what was asked for since.
    private func writePhase(_ report: Report?, unbound: Bool, to writer: inout JSONWriter) {
        if unbound {
            writer.member("phase", Report.Phase.pending)
            writer.member("message", "bound to no host: set spec.host")
        } else if let report, report.generation >= resource.metadata.generation {
            writer.member("phase", report.phase)
            writer.member("message", report.message)
        } else {
            writer.member("phase", Report.Phase.pending)
            writer.member("message", report == nil ? "the host has not reported yet" : "the host reported an older one")
        }
    }

    private func report(of host: ResourceID?) -> Report? { status.reports.first { $0.id == host }?.report }
}
