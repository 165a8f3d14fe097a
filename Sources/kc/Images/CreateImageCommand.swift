import APIClient
import ArgumentParser
import Commands
import ComputeModel
import Documents
import ImageFormats
import Resources

struct CreateImageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Make an image of what a web server has: the API's server fetches it.",
        discussion: """
            The server asks public addresses, and those that its operator lists; it checks size, SHA-256 and first bytes, and \
            goes on where it was cut. `--wait=600` shows how far it is, and ends when it is ready or refused. The same \
            command again changes nothing. A file of this machine: `kc image upload`.
            """)

    @Argument(help: "Its name: a DNS label.") var name: String
    @Option(help: "https://… or http://…") var url: String
    @Option(help: "Of the file, as whoever offers it says: 64 hex digits.") var sha256: String
    @Option(help: ArgumentHelp("Of the file.", valueName: "bytes")) var size: UInt64
    @Option(help: "raw or qcow2 (default: as the ending of the address says).") var format: ImageInspection.Format?
    @Option(help: "Of the programs inside: x86_64 or arm64. Nobody guesses it.") var architecture: Architecture = .amd64
    @Option(
        help: ArgumentHelp(
            "The least disk of its VMs; of a qcow2 image it must be said (default: what holds a raw one).",
            valueName: "GiB"))
    var minimumDisk: UInt64?
    @Flag(help: "Offer it to all projects.") var shared = false
    @OptionGroup(title: "Metadata") var metadata: MetadataOptions
    @OptionGroup var waiting: WaitOptions
    @OptionGroup var project: ProjectOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    func run() async throws {
        try await connection.withSession(project: project.project, format: output.output) { session in
            guard Name(name) != nil else { throw Complaint(.usage, "\(name) is no name: it \(Name.rule)") }
            let spec = try spec()
            do { _ = try ImageFlags.description.canonical(spec) } catch {
                throw Complaint(.usage, "\(error)", next: "`kc image create --help` shows what there is")
            }
            var document = try await register(spec, session)
            if let seconds = waiting.wait {
                document = try await Waiting<ImageFlags>(session: session).settle(document, seconds: seconds)
            }
            try await session.show(document, ImageFlags.self)
        }
    }

    private func spec() throws -> JSONNode {
        guard let format = format ?? Self.format(of: url) else {
            throw Complaint(.usage, "\(url) does not say of which format it is", next: "--format raw or --format qcow2")
        }
        guard
            let disk = minimumDisk ?? (format == .raw ? max(1, size >> 30 + (size & (1 << 30 - 1) == 0 ? 0 : 1)) : nil)
        else {
            throw Complaint(
                .usage,
                "a qcow2 image needs --minimum-disk: its file does not say how large its disk is before it is here",
                next: "`qemu-img info` of the file says it as its virtual size")
        }
        return JSONNode.object([("format", .string(format.rawValue))])
            .setting("architecture", text: architecture.rawValue).setting("size", number: size)
            .setting("sha256", text: sha256.lowercased()).setting("minimumDiskGiB", number: disk)
            .setting("shared", flag: shared ? true : nil).setting("url", text: url)
    }

    private func register(_ spec: JSONNode, _ session: Session) async throws -> ResourceDocument {
        let images = session.collection(ImageFlags.description)
        let body = try metadata.edit(.object([("name", .string(name)), ("spec", spec)]))
        do { return try await session.client.create(images, Array(body.raw)) } catch let problem as APIProblem
            where problem.code == "name-taken"
        {
            let found = try await session.client.get(images, name)
            let same = ["format", "architecture", "size", "sha256", "url"].allSatisfy { member in
                found.spec?[member]?.displayText == spec[member]?.displayText
            }
            guard same else {
                throw Complaint(
                    .conflict, "image \(name) is there, and is another",
                    next: "take another name: an image never changes, VMs stand on it")
            }
            return found
        }
    }

    /// By the ending of the address' path.
    static func format(of url: String) -> ImageInspection.Format? {
        let path = url.prefix { $0 != "?" && $0 != "#" }.lowercased()
        if path.hasSuffix(".qcow2") { return .qcow2 }
        return path.hasSuffix(".raw") ? .raw : nil
    }
}
