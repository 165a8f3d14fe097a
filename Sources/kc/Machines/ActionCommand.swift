import APIClient
import ArgumentParser
import Commands
import Documents
import Resources

/// What is done to a VM beside its document.
protocol MachineAction: Sendable {
    /// As in commands and in the API's paths.
    static var word: String { get }
    static var abstract: String { get }
}

enum Start: MachineAction {
    static let word = "start"
    static let abstract = "Let one or several run."
}

enum Stop: MachineAction {
    static let word = "stop"
    static let abstract = "Let one or several end: the guest is told to, and its power is taken when it does not."
}

enum Reboot: MachineAction {
    static let word = "reboot"
    static let abstract = "Let the guests of one or several begin anew."
}

struct ActionCommand<Action: MachineAction>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: Action.word, abstract: Action.abstract)
    }

    @Argument(help: "Names or ids.") var items: [String]
    @OptionGroup var waiting: WaitOptions
    @OptionGroup var project: ProjectOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    /// Goes on after a failure; the exit code is that of the first.
    func run() async throws {
        try await connection.withSession(project: project.project, format: output.output) { session in
            var first: Complaint?
            var documents: [ResourceDocument] = []
            let collection = session.collection(MachineFlags.description)
            // All are asked first and waited for then: they do it at the same time.
            for item in items {
                do {
                    documents.append(
                        try await session.client.document(
                            APIRequest(.post, collection.path(of: item) + [Action.word])))
                } catch {
                    let complaint = Complaint(error)
                    Terminal.error(complaint.text)
                    first = first ?? complaint
                    if complaint.status == .unreachable { break }
                }
            }
            if let seconds = waiting.wait {
                for (index, document) in documents.enumerated() {
                    do {
                        documents[index] = try await Waiting<MachineFlags>(session: session)
                            .settle(document, seconds: seconds)
                    } catch {
                        let complaint = Complaint(error)
                        Terminal.error(complaint.text)
                        first = first ?? complaint
                    }
                }
            }
            if !documents.isEmpty { try await session.list(documents, MachineFlags.self) }
            if let first { throw ExitCode(first.status.rawValue) }
        }
    }
}
