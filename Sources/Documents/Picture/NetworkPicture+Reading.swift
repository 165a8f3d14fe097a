package import Resources

extension NetworkPicture {
    /// What the API shows of the four kinds that a picture is made of.
    package struct Source: Sendable {
        /// The JSON of one resource, with its place in the envelope.
        package struct Item: Sendable {
            package var id: ResourceID
            package var name: String
            package var project: String?
            package var spec: JSONNode?
            package var status: JSONNode?

            package init(id: ResourceID, name: String, project: String?, spec: JSONNode?, status: JSONNode?) {
                self.id = id
                self.name = name
                self.project = project
                self.spec = spec
                self.status = status
            }
        }
        package var hosts: [Item] = []
        package var segments: [Item] = []
        package var attachments: [Item] = []
        package var gateways: [Item] = []

        package init() {}
    }

    /// Members that are missing are shown as unknown: the server may be of another version.
    package init(_ source: Source) {
        let ids = [String: ResourceID](source.hosts.map { ($0.name, $0.id) }, uniquingKeysWith: { first, _ in first })
        self.init(
            machines: source.hosts.map { host in
                let phase = host.status?["phase"]?.string
                return Machine(
                    id: host.id, name: host.name, vtep: host.spec?["vtep"]?.string ?? "", phase: phase ?? "unknown",
                    state: State(phase: phase), message: host.status?["message"]?.string)
            },
            lanes: source.segments.map { Lane($0, hosts: ids) },
            ports: source.attachments.compactMap(Port.init(attachment:))
                + source.gateways.flatMap { Port.of(gateway: $0, source.attachments) })
    }
}

extension NetworkPicture.Place {
    fileprivate init(_ status: JSONNode?) {
        let phase = status?["phase"]?.string
        self.init(phase: phase ?? "unknown", state: .init(phase: phase), message: status?["message"]?.string)
    }
}

extension NetworkPicture.Lane {
    fileprivate init(_ item: NetworkPicture.Source.Item, hosts ids: [String: ResourceID]) {
        var hosts: [ResourceID: NetworkPicture.Place] = [:]
        if case .object(let members)? = item.status?["hosts"]?.content {
            for (name, node) in members { if let id = ids[name] { hosts[id] = NetworkPicture.Place(node) } }
        }
        let vni = item.status?["vni"].flatMap { UInt32($0.excerpt) }
        self.init(
            id: item.id, project: item.project ?? "", name: item.name,
            vni: vni.map {
                String(repeating: "0", count: max(0, 6 - String($0, radix: 16).count)) + String($0, radix: 16)
            }, prefix: item.status?["prefix"]?.string, replication: item.status?["replication"]?.string ?? "",
            hosts: hosts
        )
    }
}

extension NetworkPicture.Port {
    fileprivate init?(attachment item: NetworkPicture.Source.Item) {
        // Ports of managed gateways are shown as the gateway.
        guard item.spec?["port"]?["type"]?.string != "gateway",
            let segment = item.spec?["segment"]?.string.flatMap({ ResourceID($0) })
        else { return nil }
        self.init(
            name: item.name, segment: segment, host: item.spec?["host"]?.string.flatMap { ResourceID($0) },
            address: Self.address(of: item), place: .init(item.status), isGateway: false)
    }

    private static func address(of item: NetworkPicture.Source.Item) -> String {
        guard case .array(let nodes)? = item.status?["addresses"]?.content else { return "" }
        let texts = nodes.compactMap { $0["value"]?.string }
        return texts.first { !$0.hasPrefix("fe80:") } ?? ""
    }

    /// A managed gateway has a port in each of its segments; one that is an attachment is at that attachment's place.
    fileprivate static func of(
        gateway item: NetworkPicture.Source.Item, _ attachments: [NetworkPicture.Source.Item]
    ) -> [NetworkPicture.Port] {
        guard case .array(let nodes)? = item.spec?["segments"]?.content else { return [] }
        let holder = item.spec?["attachment"]?.string
        let host =
            item.spec?["host"]?.string ?? attachments.first { $0.id.description == holder }?.spec?["host"]?.string
        return nodes.compactMap { $0.string.flatMap { ResourceID($0) } }.map { segment in
            NetworkPicture.Port(
                name: item.name, segment: segment, host: host.flatMap { ResourceID($0) }, address: "",
                place: .init(item.status), isGateway: true)
        }
    }
}
