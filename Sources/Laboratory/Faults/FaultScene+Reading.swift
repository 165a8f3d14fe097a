import APIClient
import Addressing
import NetworkModel
import Resources

extension FaultScene {
    /// The scene of two attachments that the API knows as wired, each with a guest of the laboratory.
    /// - Parameters:
    ///   - attachment: nil: the first that has a peer on another host.
    ///   - peer: nil: the first on another host of the segment, or on the same where there is none.
    init(
        _ topology: Topology, _ view: ResourceView, project: Name, attachment: Name?, peer: Name?
    ) throws(LaboratoryError) {
        func refuse(_ subject: String, _ message: String) -> LaboratoryError {
            LaboratoryError(.absent, operation: "find", subject: subject, message: message)
        }
        let ends = view.attachments.filter { $0.project == project }.compactMap { End($0, topology, view) }
            .sorted { $0.attachment < $1.attachment }
        func named(_ name: Name) throws(LaboratoryError) -> End {
            guard let end = ends.first(where: { $0.attachment == name }) else {
                throw refuse(
                    "attachment \(name)", "it must be wired, its port a namespace that is a guest of the topology")
            }
            return end
        }
        func peers(_ end: End) -> [End] {
            let others = ends.filter { $0.segment == end.segment && $0.attachment != end.attachment }
            return others.filter { $0.host != end.host } + others.filter { $0.host == end.host }
        }
        let chosen: End
        if let attachment {
            chosen = try named(attachment)
        } else {
            guard let first = ends.first(where: { one in peers(one).contains { $0.host != one.host } })
            else {
                throw refuse("two attachments", "no two guests on two hosts are wired; apply the topology's desired/")
            }
            chosen = first
        }
        let other: End?
        if let peer { other = try named(peer) } else { other = peers(chosen).first }
        guard let other else { throw refuse("a peer of \(chosen.attachment)", "name one with --peer") }
        guard other != chosen else {
            throw LaboratoryError(
                .invalid, operation: "use as the peer", subject: other.attachment.text,
                message: "it is the attachment itself; the peer is who it talks to")
        }
        guard let document = view.segments.first(where: { $0.id == chosen.segment }) else {
            throw refuse("the segment of \(chosen.attachment)", "the API shows none")
        }
        let segment: Segment.Assigned
        do throws(FieldError) { segment = try Segment.Assigned(of: document) } catch {
            throw refuse("segment \(document.name)", error.description)
        }
        self.init(
            topology: topology, project: project, here: chosen, there: other, vni: segment.vni, group: segment.group,
            mtu: segment.mtu.bytes, prefix: segment.prefix, segment: document.id,
            router: Router(of: document.id, segment.vni, view))
    }
}

extension FaultScene.End {
    /// nil for what is not wired, or whose port is no guest of the topology. A text that is no name names nothing.
    fileprivate init?(_ document: ResourceDocument, _ topology: Topology, _ view: ResourceView) {
        guard let spec = document.spec, let status = document.status,
            let port = status["interface"]?.string.flatMap({ try? InterfaceName($0) }),
            let mac = status["mac"]?.string.flatMap({ MACAddress($0) }),
            let segment = spec["segment"]?.string.flatMap({ ResourceID($0) }),
            let guest = spec["port"]?["namespace"]?.string.flatMap({ NamespaceName($0) }),
            let interface = spec["port"]?["interface"]?.string.flatMap({ try? InterfaceName($0) }),
            let machine = view.hosts.first(where: { $0.id.description == spec["host"]?.string })?.name,
            let host = topology.hosts.first(where: { $0.name == machine }), host.guests.contains(guest)
        else { return nil }
        var addresses: [IPv6Address] = []
        if case .array(let items)? = status["addresses"]?.content {
            addresses = items.compactMap { $0["value"]?.string.flatMap { IPv6Address($0) } }
        }
        var policies = Attachment.Spec.standardPolicies.map(\.description)
        if case .array(let items)? = spec["policies"]?.content { policies = items.compactMap(\.string) }
        self.init(
            attachment: document.name, segment: segment, host: host, port: port, guest: guest, interface: interface,
            mac: mac, address: addresses.first { !$0.isLinkLocal }, policies: policies)
    }
}

extension FaultScene.Router {
    /// nil where nobody, or an attachment, routes the segment.
    fileprivate init?(of segment: ResourceID, _ vni: VNI, _ view: ResourceView) {
        guard
            let gateway = view.gateways.first(where: { $0.status?["ports"]?[segment.description]?.string != nil }),
            let host = view.hosts.first(where: { $0.id.description == gateway.spec?["host"]?.string })?.name
        else { return nil }
        self.init(
            namespace: .gateway(gateway.id), host: host, interface: .gatewaySegment(vni),
            hasUplink: gateway.spec?["uplink"] != nil)
    }
}

extension Segment.Assigned {
    /// What the server assigned stands in the status, with members of other parts.
    init(of document: ResourceDocument) throws(FieldError) {
        guard let status = document.status else { throw FieldError(field: "status", rule: "is missing") }
        var reader = try FieldReader(status, path: "status")
        self.init(
            vni: try reader.required("vni"), group: try reader.required("group"), mtu: try reader.required("mtu"),
            prefix: try reader.optional("prefix"), replication: try reader.required("replication"))
    }
}
