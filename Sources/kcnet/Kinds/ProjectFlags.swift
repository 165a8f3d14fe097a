import APIClient
import ArgumentParser
import Documents
import NetworkModel
import Resources

struct ProjectFlags: KindFlags {
    static let abstract = "Who owns segments, attachments and gateways."
    static var description: KindDescription { described(Project.kind) }

    func edit(_ spec: JSONNode) -> JSONNode { spec }

    static let columns: [Column] = [
        .name, Column("created") { document, _ in .init(document.node["created"]?.string ?? "") }, .labels, .id,
    ]
}
