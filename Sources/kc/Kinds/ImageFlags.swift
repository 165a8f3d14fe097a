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
        CreateImageCommand.self, UploadCommand.self, ImportCommand.self, DownloadCommand.self,
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
            return .init(words(document), tone)
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
        default: return .underWay(words(document) + (document.message.map { ": \($0)" } ?? ""))
        }
    }

    /// The state, and how far it is.
    private static func words(_ document: ResourceDocument) -> String {
        let state = document.status?["state"]?.string ?? "-"
        guard state == "uploading" else { return state }
        let word = document.spec?["url"] == nil ? state : "being fetched"
        return share(document).map { "\(word), \($0) %" } ?? word
    }

    /// Of how many images that are on their way a list asks how far they are.
    private static let asked = 20

    /// Of an upload the record does not say how far it is, as that would be a write for each piece: its store is asked.
    static func completed(
        _ documents: [ResourceDocument], _ session: Session
    ) async throws -> [ResourceDocument] {
        let images = session.collection(description)
        var left = asked
        var completed: [ResourceDocument] = []
        for document in documents {
            guard left > 0, document.status?["state"]?.string == "uploading", let status = document.status else {
                completed.append(document)
                continue
            }
            left -= 1
            do {
                let state = try await session.client.imageProgress(images, document.id.description)
                completed.append(
                    try ResourceDocument(
                        document.node.setting("status", to: status.setting("received", number: state.received))))
            } catch let problem as APIProblem {
                // It is gone meanwhile, or its store is away: the record is what there is to show.
                guard problem.status == 404 || problem.status >= 500 else { throw problem }
                completed.append(document)
            }
        }
        return completed
    }

    private static func number(_ document: ResourceDocument, _ member: String) -> UInt64? {
        document.spec?[member].flatMap { UInt64($0.displayText) }
    }

    /// In percent.
    private static func share(_ document: ResourceDocument) -> UInt64? {
        guard let size = number(document, "size"), size > 0,
            let received = document.status?["received"].flatMap({ UInt64($0.displayText) }), received > 0
        else { return nil }
        return received >= size ? 100 : UInt64(Double(received) / Double(size) * 100)
    }
}
