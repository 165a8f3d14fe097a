import APIClient
import ArgumentParser
import Commands
import Documents
import ImageFormats
import Resources

struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Make images of all files of a directory.",
        discussion: """
            Each becomes an image with the file's name, without its ending, as far as names go: Debian_12.qcow2 becomes \
            debian-12. Where there is a file SHA256SUMS, they must be what it says. What is there already is not sent again; \
            a file that cannot be an image is said, and the others go on.
            """)

    @Argument(help: "A directory; those in it are not looked into.", completion: .directory) var directory: String
    @OptionGroup(title: "What they shall be") var options: ImageOptions
    @OptionGroup var project: ProjectOptions
    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    /// Goes on after a failure; the exit code is that of the first.
    func run() async throws {
        try await connection.withSession(project: project.project) { session in
            let files = try files()
            let sums = try Checksums(directory)
            var first: Complaint?
            for (name, path) in files {
                do {
                    let file = try ImageFile(path, format: options.format)
                    if let wanted = sums.of(path), wanted != (try file.sha256 { _ in }) {
                        throw Complaint(.failure, "\(path) is not what SHA256SUMS says", next: "fetch it again")
                    }
                    let (document, outcome) = try await ImageUpload(session: session, options: options).run(name, file)
                    Terminal.line(
                        DisplayText.safe(
                            "image \(document.name) \(outcome.rawValue) (\(file.format.rawValue), "
                                + "\(ProgressBar.amount(file.size)))"))
                } catch {
                    let complaint = Complaint(error)
                    Terminal.error(complaint.text)
                    first = first ?? complaint
                    if complaint.status == .unreachable { break }
                }
            }
            if let first { throw ExitCode(first.status.rawValue) }
        }
    }

    /// What may be an image, with the name it gets.
    private func files() throws -> [(name: String, path: String)] {
        let all: [String]
        do { all = try LocalFile.names(in: directory) } catch {
            throw Complaint(.usage, "cannot read \(directory): \(error)")
        }
        let beside = ["SHA256SUMS", "SHA512SUMS", "MD5SUMS"]
        let endings = [".sha256", ".sha512", ".asc", ".sig", ".gpg", ".txt", ".json", ".yaml", ".md"]
        var files: [(name: String, path: String)] = []
        for file in all where !file.hasPrefix(".") && !beside.contains(file) {
            let path = "\(directory)/\(file)"
            guard !endings.contains(where: { file.hasSuffix($0) }), !LocalFile.isDirectory(path) else { continue }
            guard let name = Self.name(file) else {
                throw Complaint(.usage, "no name can be made of \(file)", next: "`kc image upload NAME \(path)`")
            }
            if let other = files.first(where: { $0.name == name }) {
                throw Complaint(
                    .usage, "\(other.path) and \(path) would both be \(name)", next: "`kc image upload NAME \(path)`")
            }
            files.append((name, path))
        }
        guard !files.isEmpty else { throw Complaint(.usage, "there is nothing to import in \(directory)") }
        return files
    }

    /// The DNS label that is nearest to a file's name.
    static func name(_ file: String) -> String? {
        var stem = file.lowercased()
        for ending in [".qcow2", ".img", ".raw", ".qcow"] where stem.hasSuffix(ending) {
            stem.removeLast(ending.count)
        }
        let words = stem.split { !($0.isASCII && ($0.isLetter || $0.isNumber)) }
        let name = String(words.joined(separator: "-").prefix(63))
        return Name(name) == nil ? nil : name
    }
}

/// A directory's SHA256SUMS, as sha256sum writes it.
private struct Checksums {
    private var sums: [String: String] = [:]

    init(_ directory: String) throws {
        let path = "\(directory)/SHA256SUMS"
        guard LocalFile.status(path) != nil else { return }
        let text: String
        do { text = try LocalFile.read(path, maximum: 1 << 20) } catch {
            throw Complaint(.usage, "cannot read \(path): \(error)")
        }
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 1)
            guard words.count == 2, words[0].count == 64 else { continue }
            // "*" says that the file was read as it is, without regard to lines.
            let file = words[1].drop { $0 == " " || $0 == "*" }
            sums[file.hasPrefix("./") ? String(file.dropFirst(2)) : String(file)] = words[0].lowercased()
        }
    }

    func of(_ path: String) -> String? { sums[path.split(separator: "/").last.map(String.init) ?? path] }
}
