import APIClient
import ArgumentParser
import Documents
import Resources

struct Apply: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make resources be as files say: create what is missing, change what differs.",
        discussion: """
            A file holds resources as YAML (several documents) or JSON (one, or a list). All files are read and checked
            before anything is written. References may be names. What is already so is not written. Nothing is deleted.
            """)

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("A file, a directory of files, or - for standard input; may be repeated."),
        completion: .file())
    var filename: [String]
    @Flag(help: "Show what would change, field by field, and change nothing.") var dryRun = false
    @OptionGroup var project: ProjectOptions
    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    func validate() throws {
        guard !filename.isEmpty else { throw ValidationError("-f FILE says what to apply") }
    }

    func run() async throws {
        try await connection.withSession(project: project.project) { session in
            let manifests = try ManifestSources.load(filename, session: session)
            let changes = try await ApplyPlanning(session: session).changes(manifests)
            if dryRun {
                for change in changes { print(change) }
                return
            }
            var first: Complaint?
            // One kind after the other: what a kind refers to is then there.
            for group in changes.chunked(by: { $0.manifest.description.rank == $1.manifest.description.rank }) {
                let outcomes = await execute(group, session)
                for (change, outcome) in zip(group, outcomes) {
                    switch outcome {
                    case .success: Terminal.line("\(change.manifest.title) \(change.action.past)")
                    case .failure(let complaint):
                        Terminal.error("\(change.manifest.title) failed (\(change.manifest.source))\n\(complaint.text)")
                        first = first ?? complaint
                    }
                }
            }
            if let first { throw ExitCode(first.status.rawValue) }
        }
    }

    private func print(_ change: Change) {
        switch change.action {
        case .create: Terminal.line("\(change.manifest.title) would be created")
        case .update: Terminal.line("\(change.manifest.title) would be changed")
        case .nothing: return Terminal.line("\(change.manifest.title) unchanged")
        }
        for difference in change.differences { Terminal.line("  " + difference.line) }
    }

    /// At most this many requests at a time: enough to fill the server's grouped commits.
    private static let parallel = 32

    /// Does the changes side by side; one outcome for each, in order.
    private func execute(_ changes: ArraySlice<Change>, _ session: Session) async -> [Result<Void, Complaint>] {
        await withTaskGroup(of: (Int, Result<Void, Complaint>).self) { group in
            var outcomes: [Result<Void, Complaint>] = changes.map { _ in .success(()) }
            var waiting = changes.enumerated().makeIterator()
            func startNext() {
                guard let (index, change) = waiting.next() else { return }
                group.addTask { (index, await change.perform(session.client)) }
            }
            for _ in 0..<Self.parallel { startNext() }
            while let (index, outcome) = await group.next() {
                outcomes[index] = outcome
                startNext()
            }
            return outcomes
        }
    }
}

extension Array {
    /// Cuts between neighbours that do not belong together.
    func chunked(by belongs: (Element, Element) -> Bool) -> [ArraySlice<Element>] {
        var chunks: [ArraySlice<Element>] = []
        var start = startIndex
        for index in indices.dropFirst() where !belongs(self[index - 1], self[index]) {
            chunks.append(self[start..<index])
            start = index
        }
        if start < endIndex { chunks.append(self[start...]) }
        return chunks
    }
}
