import APIClient
import ArgumentParser
import Commands
import ComputeModel
import Documents
import ImageFormats
import Resources

/// What an uploaded image shall be, beside what its bytes are.
struct ImageOptions: ParsableArguments {
    @Option(help: "Of the programs inside: x86_64 or arm64. Nobody guesses it.") var architecture: Architecture = .amd64
    @Option(help: "raw or qcow2 (default: as its first bytes say).") var format: ImageInspection.Format?
    @Option(
        help: ArgumentHelp(
            "Make it raw or qcow2 first, by qemu-img on this machine, as nobody: needs root.", valueName: "format"))
    var convert: ImageInspection.Format?
    @Option(help: ArgumentHelp("The least disk of its VMs (default: what holds it).", valueName: "GiB"))
    var minimumDisk: UInt64?
    @Flag(help: "Offer it to all projects.") var shared = false
    @OptionGroup(title: "Metadata") var metadata: MetadataOptions
}

extension ImageInspection.Format: ExpressibleByArgument {}

struct UploadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "upload", abstract: "Make an image of a file.",
        discussion: """
            The file is counted here (size, SHA-256), its first bytes are looked at, and it is sent piece by piece. The API \
            checks all of it. What breaks off goes on where it stopped when the same command is run again; what is there \
            already is not sent again.
            """)

    @Argument(help: "Its name: a DNS label.") var name: String
    @Argument(help: "A raw or qcow2 image.", completion: .file()) var file: String
    @OptionGroup(title: "What it shall be") var options: ImageOptions
    @OptionGroup var project: ProjectOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    func run() async throws {
        try await connection.withSession(project: project.project, format: output.output) { session in
            guard Name(name) != nil else { throw Complaint(.usage, "\(name) is no name: it \(Name.rule)") }
            let file = try ImageFile(file, format: options.format)
            let (document, _) = try await ImageUpload(session: session, options: options).bring(name, file)
            try await session.show(document, ImageFlags.self)
        }
    }
}
