import APIClient
import ArgumentParser
import Commands
import Documents
import Resources

/// What is done to a host as a whole: a change of its document that one does not have to know by heart.
protocol HostAction: Sendable {
    static var word: String { get }
    static var abstract: String { get }
    static func edit(_ spec: JSONNode) -> JSONNode
}

enum Cordon: HostAction {
    static let word = "cordon"
    static let abstract = "Place no further VM there; those that are there stay."
    static func edit(_ spec: JSONNode) -> JSONNode { spec.setting("cordoned", flag: true) }
}

enum Uncordon: HostAction {
    static let word = "uncordon"
    static let abstract = "Place VMs there again: neither cordoned nor draining."
    static func edit(_ spec: JSONNode) -> JSONNode { spec.setting("cordoned", to: nil).setting("draining", to: nil) }
}

enum Drain: HostAction {
    static let word = "drain"
    static let abstract = "Say that its VMs shall leave: it takes none, and tells how many are left."
    static func edit(_ spec: JSONNode) -> JSONNode { spec.setting("draining", flag: true) }
}

struct HostActionCommand<Action: HostAction>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: Action.word, abstract: Action.abstract)
    }

    @Argument(help: "Names or ids.") var items: [String]
    @OptionGroup var output: OutputOptions
    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    /// Goes on after a failure; the exit code is that of the first.
    func run() async throws {
        try await connection.withSession(format: output.output) { session in
            var first: Complaint?
            var changed: [ResourceDocument] = []
            for item in items {
                do {
                    changed.append(
                        try await session.change(ComputeHostFlags.description, item) {
                            $0.setting("spec", to: Action.edit($0["spec"] ?? .nothing))
                        })
                } catch {
                    let complaint = Complaint(error)
                    Terminal.error(complaint.text)
                    first = first ?? complaint
                    if complaint.status == .unreachable { break }
                }
            }
            if items.count == 1, let document = changed.first {
                try await session.show(document, ComputeHostFlags.self)
            } else if !changed.isEmpty {
                try await session.list(changed, ComputeHostFlags.self)
            }
            if let first { throw ExitCode(first.status.rawValue) }
        }
    }
}
