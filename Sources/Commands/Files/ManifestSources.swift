import Documents
import Resources

/// The files that `apply -f` names.
enum ManifestSources {
    private static let maximumBytes = 64 << 20

    /// All documents of all files, in the order they stand.
    /// - Throws: `DocumentError`, `Complaint`.
    static func read(_ paths: [String]) throws -> [WrittenManifest] {
        var written: [WrittenManifest] = []
        for path in try paths.flatMap(files) {
            let source = path == "-" ? "(standard input)" : path
            let text: String
            do { text = try LocalFile.read(path, maximum: maximumBytes) } catch {
                throw Complaint(.usage, "cannot read \(source): \(error)")
            }
            written += try ManifestFile.documents(
                text, source: source, format: ManifestFile.format(name: path, text: text))
        }
        return written
    }

    /// What the documents say, in the order in which they can be applied.
    /// - Throws: `DocumentError`, `Complaint`.
    static func check(_ written: [WrittenManifest], session: Session) throws -> [Manifest] {
        guard let project = Name(session.project) else {
            throw Complaint(.usage, "--project \(session.project): a project's name \(Name.rule)")
        }
        return try ManifestFile.sorted(
            written.map { try $0.manifest(session.kinds) }, project: project, kinds: session.kinds)
    }

    /// A directory stands for its .yaml, .yml and .json files, not for those below it.
    private static func files(_ path: String) throws -> [String] {
        guard path != "-", LocalFile.isDirectory(path) else { return [path] }
        do {
            let names = try LocalFile.names(in: path).filter { name in
                [".yaml", ".yml", ".json"].contains { name.hasSuffix($0) }
            }
            guard !names.isEmpty else {
                throw Complaint(.usage, "there is no .yaml, .yml or .json file in \(path)")
            }
            return names.map { "\(path)/\($0)" }
        } catch let failure as LocalFile.Failure { throw Complaint(.usage, "cannot read \(path): \(failure)") }
    }
}
