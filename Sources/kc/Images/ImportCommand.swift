import APIClient
import ArgumentParser
import Commands
import Documents
import Glibc
import ImageFormats
import Resources

struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Make images of all files of a directory.",
        discussion: """
            Each becomes an image with the file's name, without its ending, as far as names go: Debian_12.qcow2 becomes \
            debian-12. Where there is a file SHA256SUMS, they must be what it says. What is there already is not sent again. \
            A file that cannot be an image, a link, a pipe or a socket is said, with the reason, and the others go on. \
            Nothing in the directory is changed.
            """)

    @Argument(help: "A directory; those in it are not looked into.", completion: .directory) var directory: String
    @OptionGroup(title: "What they shall be") var options: ImageOptions
    @OptionGroup var project: ProjectOptions
    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    /// Goes on after a failure; the exit code is that of the first.
    func run() async throws {
        try await connection.withSession(project: project.project) { session in
            let candidates = try candidates()
            let sums = try Checksums(directory)
            var first: Complaint?
            for candidate in candidates {
                do {
                    Terminal.line(DisplayText.safe(try await bring(candidate, sums, session)))
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

    /// A file that may be an image.
    private struct Candidate {
        let path: String
        /// nil when none can be made of the file's.
        let name: String?
        /// Another one that would have the same name.
        var rival: String?
    }

    /// - Returns: what became of it.
    private func bring(_ candidate: Candidate, _ sums: Checksums, _ session: Session) async throws -> String {
        let path = candidate.path
        guard let name = candidate.name else {
            throw Complaint(.usage, "no name can be made of \(path)", next: "`kc image upload NAME \(path)`")
        }
        if let rival = candidate.rival {
            throw Complaint(
                .usage, "\(path) and \(rival) would both be \(name)", next: "`kc image upload NAME \(path)`")
        }
        let file = try ImageFile(path, format: options.format, followsLink: false)
        if let wanted = sums.of(path), wanted != (try file.sha256 { _ in }) {
            throw Complaint(.failure, "\(path) is not what SHA256SUMS says", next: "fetch it again")
        }
        let (document, outcome) = try await ImageUpload(session: session, options: options).bring(name, file)
        let (format, size) = (document.spec?["format"]?.string ?? "", document.spec?["size"]?.displayText ?? "")
        return "image \(document.name) \(outcome.rawValue) (\(format), \(ProgressBar.amount(UInt64(size) ?? 0)))"
    }

    /// What may be an image; directories are not looked into.
    private func candidates() throws -> [Candidate] {
        let all: [String]
        do { all = try LocalFile.names(in: directory) } catch {
            throw Complaint(.usage, "cannot read \(directory): \(error)")
        }
        let beside = ["SHA256SUMS", "SHA512SUMS", "MD5SUMS"]
        let endings = [".sha256", ".sha512", ".asc", ".sig", ".gpg", ".txt", ".json", ".yaml", ".md"]
        var candidates: [Candidate] = []
        for file in all where !file.hasPrefix(".") && !beside.contains(file) {
            let path = "\(directory)/\(file)"
            guard !endings.contains(where: { file.hasSuffix($0) }), LocalFile.kind(path) != S_IFDIR else { continue }
            var candidate = Candidate(path: path, name: Self.name(file))
            if let name = candidate.name, let other = candidates.firstIndex(where: { $0.name == name }) {
                candidate.rival = candidates[other].path
                candidates[other].rival = candidates[other].rival ?? path
            }
            candidates.append(candidate)
        }
        guard !candidates.isEmpty else { throw Complaint(.usage, "there is nothing to import in \(directory)") }
        return candidates
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
        guard let kind = LocalFile.kind(path) else { return }
        guard kind == S_IFREG else { throw Complaint(.usage, "\(path) is no regular file") }
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
