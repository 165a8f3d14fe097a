import APIClient
import ArgumentParser
import Commands
import Documents
import NetworkModel
import Resources

struct ZoneFlags: KindFlags {
    static let abstract = "Parts of the DNS that KC serves."
    static var description: KindDescription { described(Zone.kind) }
    static let settledPhases = ["wired"]

    @Option(help: "The name at its top: cloud.example, or 8.b.d.0.1.0.0.2.ip6.arpa.") var domain: String?
    @Flag(inversion: .prefixedNo, help: "Attachments have their names in it.") var attachments: Bool?
    @Option(help: "A project it is for; may be repeated. Without one it is for all.") var forProject: [String] = []
    @Option(
        help: ArgumentHelp(
            "A server that copies it: its address, or ADDRESS,KEY with the name of a TSIG key; may be repeated."))
    var secondary: [String] = []
    @Option(help: "The name of a further server of it; may be repeated.") var nameServer: [String] = []
    @Option(help: "Seconds that answers may be kept.") var ttl: UInt32?
    @Flag(inversion: .prefixedNo, help: "Sign it.") var dnssec: Bool?

    func edit(_ spec: JSONNode) -> JSONNode {
        var spec = spec.setting("domain", text: domain).setting("attachments", flag: attachments)
            .setting("projects", texts: forProject).setting("nameServers", texts: nameServer)
            .setting("ttl", number: ttl).setting("dnssec", flag: dnssec)
        if !secondary.isEmpty {
            let nodes = secondary.map { text -> JSONNode in
                let parts = text.split(separator: ",", maxSplits: 1).map(String.init)
                let node = JSONNode.object([("address", .string(parts.first ?? ""))])
                return parts.count > 1 ? node.setting("key", text: parts[1]) : node
            }
            spec = spec.setting("secondaries", to: JSONNode(.array(nodes)))
        }
        return spec
    }

    static let columns: [Column] = [
        .name, .spec("domain", "domain"),
        Column("attachments") { document, _ in
            .init(document.spec?["attachments"]?.displayText == "true" ? "yes" : "no")
        },
        .spec("projects", "projects"), .phase,
        Column("ds", wide: true) { document, _ in .init(Self.delegationSigner(document) ?? "") },
        .labels, .id, .message,
    ]

    static func details(_ document: ResourceDocument, _ names: NameIndex) -> [String] {
        guard let signer = delegationSigner(document) else { return [] }
        return ["give the zone above: \(signer)"]
    }

    /// What the zone above needs to vouch for this one, as any host that serves it says.
    private static func delegationSigner(_ document: ResourceDocument) -> String? {
        guard case .object(let hosts)? = document.status?["hosts"]?.content else { return nil }
        return hosts.compactMap { host in host.value["details"]?["ds"]?.string }.first
    }
}
