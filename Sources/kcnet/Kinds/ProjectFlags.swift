import APIClient
import ArgumentParser
import Commands
import Documents
import NetworkModel
import Resources

struct ProjectFlags: KindFlags {
    static let abstract = "Who owns segments, attachments and gateways."
    static var description: KindDescription { described(Project.kind) }

    @Option(help: "The most segments it may have.") var segments: UInt32?
    @Option(help: "The most attachments it may have.") var attachments: UInt32?
    @Option(help: "The most static and assigned addresses its attachments may have.") var addresses: UInt32?
    @Option(help: "The most NAT64 mappings it may have.") var mappings: UInt32?
    @Option(
        help: ArgumentHelp(
            "No quota any more for segments, attachments, addresses or mappings; may be repeated.", valueName: "what"))
    var noQuota: [String] = []

    func edit(_ spec: JSONNode) -> JSONNode {
        let old = spec["quotas"] ?? .object([])
        var quotas = old.setting("segments", number: segments).setting("attachments", number: attachments)
            .setting("addresses", number: addresses).setting("mappings", number: mappings)
        for name in noQuota { quotas = quotas.setting(name, to: nil) }
        return quotas.members.isEmpty && old.members.isEmpty ? spec : spec.setting("quotas", to: quotas)
    }

    static let columns: [Column] = [
        .name,
        Column("quotas") { document, _ in
            let quotas = document.spec?["quotas"]?.members ?? []
            return .init(quotas.map { "\($0.name)=\($0.value.displayText)" }.joined(separator: ","))
        },
        Column("created") { document, _ in .init(document.node["created"]?.string ?? "") }, .labels, .id,
    ]
}
