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
            "The most it may have of what another service counts, like compute.vms=10; may be repeated.",
            valueName: "what=number"), transform: QuotaFlag.init)
    var quota: [QuotaFlag] = []
    @Option(
        help: ArgumentHelp(
            "No quota any more for segments, attachments, addresses, mappings or another service's; may be repeated.",
            valueName: "what"))
    var noQuota: [String] = []

    func edit(_ spec: JSONNode) -> JSONNode {
        let old = spec["quotas"] ?? .object([])
        var quotas = old.setting("segments", number: segments).setting("attachments", number: attachments)
            .setting("addresses", number: addresses).setting("mappings", number: mappings)
        for flag in quota { quotas = quotas.setting(flag.name.text, number: flag.limit) }
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

/// `NAME=NUMBER`, as it stands in a flag.
struct QuotaFlag {
    let name: QuotaName
    let limit: UInt32

    init(_ text: String) throws {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let limit = UInt32(parts[1]) else {
            throw ValidationError("must be NAME=NUMBER, like compute.vms=10")
        }
        guard let name = QuotaName(parts[0]) else { throw ValidationError("its name \(QuotaName.rule)") }
        (self.name, self.limit) = (name, limit)
    }
}
