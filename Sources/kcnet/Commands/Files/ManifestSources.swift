import Documents
import Resources

/// The files that `apply -f` names.
enum ManifestSources {
    private static let maximumBytes = 64 << 20

    /// All manifests of all files in the order in which they can be applied.
    /// - Throws: `DocumentError`, `Complaint`: before anything was sent.
    static func load(_ paths: [String], session: Session) throws -> [Manifest] {
        guard let project = Name(session.project) else {
            throw Complaint(.usage, "--project \(session.project): a project's name \(Name.rule)")
        }
        var manifests: [Manifest] = []
        for path in try paths.flatMap(files) {
            let source = path == "-" ? "(standard input)" : path
            let text: String
            do { text = try LocalFile.read(path, maximum: maximumBytes) } catch {
                throw Complaint(.usage, "cannot read \(source): \(error)")
            }
            manifests += try ManifestFile.manifests(
                text, source: source, format: ManifestFile.format(name: path, text: text))
        }
        return try ManifestFile.sorted(manifests, project: project)
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
