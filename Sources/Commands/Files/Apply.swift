import APIClient
package import ArgumentParser
import Documents
import Resources

package struct Apply: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "apply", abstract: "Make resources be as files say: create what is missing, change what differs.",
        discussion: """
            A file holds resources as YAML (several documents) or JSON (one, or a list). All files are read and checked
            before anything is written. References may be names. What is already so is not written. Nothing is deleted.
            Up to 1,000 changes are written together, all of them or none; more come in several such steps.
            """)

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("A file, a directory of files, or - for standard input; may be repeated."),
        completion: .file())
    package var filename: [String]
    @Flag(help: "Show what would change, field by field, and change nothing.") package var dryRun = false
    @OptionGroup package var project: ProjectOptions
    @OptionGroup(title: "Connection") package var connection: ConnectionOptions

    package init() {}

    package func validate() throws {
        guard !filename.isEmpty else { throw ValidationError("-f FILE says what to apply") }
    }

    package func run() async throws {
        try await connection.withSession(project: project.project) { session in
            let written = try ManifestSources.read(filename)
            let planning = ApplyPlanning(session: session, showsNew: dryRun)
            let subjects = written.compactMap { $0.subject(session.kinds) }
            // What is there is read while what is wanted is checked. What is wrong with a file is said first.
            async let known = dryRun ? planning.live(subjects) : planning.liveUnlessNew(subjects)
            let manifests = try ManifestSources.check(written, session: session)
            let applying = Applying(session: session)
            var live = try await known
            if live == nil {
                if try await applying.create(planning.creations(manifests)) { return }
                live = try await planning.live(subjects)
            }
            let changes = try await planning.changes(manifests, live ?? [:])
            if dryRun {
                for change in changes { print(change) }
                return
            }
            try await applying.run(changes)
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
}
