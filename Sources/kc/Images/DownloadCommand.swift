import APIClient
import ArgumentParser
import Commands
import ComputeModel
import Documents
import Resources

struct DownloadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "download", abstract: "Fetch an image into a file, and check it.",
        discussion: """
            The bytes come into FILE.part and become FILE when their size and SHA-256 are right. What breaks off goes on \
            where it stopped when the same command is run again. A file that is there is not overwritten.
            """)

    @Argument(help: "Its name or id.") var item: String
    @Argument(help: "Where to (default: its name and format, here).", completion: .file()) var file: String?
    @OptionGroup var project: ProjectOptions
    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    func run() async throws {
        try await connection.withSession(project: project.project) { session in
            let images = session.collection(ImageFlags.description)
            let image = try await session.client.get(images, item)
            // Read as what they are: the format becomes part of a file's name.
            guard let size = image.spec?["size"].flatMap({ UInt64($0.displayText) }),
                let wanted = image.spec?["sha256"]?.string,
                let format = image.spec?["format"]?.string.flatMap(Image.Format.init(rawValue:))
            else { throw Complaint(.failure, "image \(image.name) does not say what its bytes are") }
            let state = image.status?["state"]?.string ?? ""
            guard state == "ready" else {
                throw Complaint(.conflict, "image \(image.name) is \(state), so there is nothing to fetch yet")
            }
            let path = file ?? "\(image.name).\(format.rawValue)"
            guard LocalFile.status(path) == nil else {
                throw Complaint(.usage, "\(path) is there already", next: "remove it, or name another file")
            }
            let part = try PartialFile(path)
            try await fetch(session, images, image, size, into: part)
            guard try part.sha256() == wanted else {
                part.remove()
                throw Complaint(
                    .failure, "what came is not image \(image.name): its SHA-256 is another", next: "fetch it again")
            }
            try part.finish()
            Terminal.line(DisplayText.safe("image \(image.name) is in \(path): \(ProgressBar.amount(size)), checked"))
        }
    }

    private func fetch(
        _ session: Session, _ images: ResourceCollection, _ image: ResourceDocument, _ size: UInt64,
        into part: PartialFile
    ) async throws {
        var offset = min(part.size, size)
        var bar = ProgressBar(image.name.text, size: size, first: offset)
        defer { bar.end() }
        while offset < size {
            let end = min(size, offset + UInt64(APIClient.imagePiece))
            let bytes = try await session.client.bytes(of: image.id.description, in: images, offset..<end)
            try part.append(bytes)
            offset = end
            bar.show(offset)
        }
    }
}
