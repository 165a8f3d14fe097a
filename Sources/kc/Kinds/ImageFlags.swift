import APIClient
import ArgumentParser
import Commands
import ComputeModel
import Documents
import Resources

/// What may still be said of an image: its bytes never change.
struct ImageFlags: KindFlags {
    static let abstract = "Images: what the disks of VMs begin with."
    static let description = KindDescription.image
    static let settledPhases = ["ready"]
    static let commonCommands: [any ParsableCommand.Type] =
        [ListCommand<Self>.self, ShowCommand<Self>.self, UpdateCommand<Self>.self] + laterCommands
    static let furtherCommands: [any ParsableCommand.Type] = [
        UploadCommand.self, ImportCommand.self, DownloadCommand.self,
    ]

    @Option(help: ArgumentHelp("The least disk of its VMs.", valueName: "GiB")) var minimumDisk: UInt64?
    @Flag(inversion: .prefixedNo, help: "Offer it to all projects.") var shared: Bool?

    func edit(_ spec: JSONNode) -> JSONNode {
        spec.setting("minimumDiskGiB", number: minimumDisk).setting("shared", flag: shared)
    }

    static let columns: [Column] = [
        .name,
        Column("state") { document, _ in
            let state = document.status?["state"]?.string ?? "-"
            let tone: Table.Tone = state == "ready" ? .good : state == "refused" ? .bad : .waiting
            guard state == "uploading", let share = share(document) else { return .init(state, tone) }
            return .init("\(state), \(share) %", tone)
        },
        .spec("format", "format"), .spec("architecture", "architecture"),
        Column("size") { document, _ in .init(number(document, "size").map(ProgressBar.amount) ?? "") },
        .spec("disk GiB", "minimumDiskGiB"), .spec("shared", "shared"), .spec("sha256", "sha256", wide: true), .labels,
        .id, Column("why") { document, _ in .init(document.message ?? "") },
    ]

    static func progress(_ document: ResourceDocument) -> Progress {
        switch document.status?["state"]?.string ?? "" {
        case "ready": return .settled
        case "refused": return .hopeless("refused: \(document.message ?? "")")
        case let state: return .underWay(state)
        }
    }

    private static func number(_ document: ResourceDocument, _ member: String) -> UInt64? {
        document.spec?[member].flatMap { UInt64($0.displayText) }
    }

    /// In percent.
    private static func share(_ document: ResourceDocument) -> UInt64? {
        guard let size = number(document, "size"), size > 0,
            let received = document.status?["received"].flatMap({ UInt64($0.displayText) }), received > 0
        else { return nil }
        return received * 100 / size
    }
}
