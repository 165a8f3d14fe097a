import APIClient
import ArgumentParser
import Commands
import Documents
import NetworkModel
import Resources

extension Role: ExpressibleByArgument {}
extension Verb: ExpressibleByArgument {}

/// A time of RFC 3339, or minutes, hours or days from now on.
struct Expiry: ExpressibleByArgument {
    let time: Timestamp

    init?(argument: String) {
        if let time = Timestamp(rfc3339: argument) {
            self.time = time
            return
        }
        let units: [Character: Int64] = ["m": 60_000, "h": 3_600_000, "d": 86_400_000]
        // Ten thousand days are more than anybody plans for.
        guard let unit = argument.last.flatMap({ units[$0] }), argument.dropLast().allSatisfy(\.isNumber),
            let count = Int64(argument.dropLast()), count > 0, count <= 864_000_000_000 / unit
        else { return nil }
        time = Timestamp(milliseconds: Timestamp.now.milliseconds + count * unit)
    }
}

struct TokenFlags: KindFlags {
    static let abstract = "Credentials that may do what they say and nothing more."
    static var description: KindDescription { described(Token.kind) }
    static let furtherCommands: [any ParsableCommand.Type] = [RevokeCommand.self]

    @Option(help: "What it may do: viewer, consumer, operator or admin.") var role: Role?
    @Flag(inversion: .prefixedNo, help: "In all projects.") var allProjects: Bool?
    @Option(help: "A verb it is for: read, create, update or delete; may be repeated. Without one: all of the role's.")
    var verb: [Verb] = []
    @Option(help: "A kind it is for, like attachment; may be repeated. Without one: all of the role's.")
    var kind: [String] = []
    @Option(help: "Only resources whose labels match, as env=prod.") var only: String?
    @Option(help: "When it ends: a time like 2027-01-31T12:00:00Z, or a span from now on: 45m, 12h, 30d.")
    var expires: Expiry?

    func edit(_ spec: JSONNode) -> JSONNode {
        spec.setting("role", text: role?.rawValue).setting("allProjects", flag: allProjects)
            .setting("verbs", texts: verb.map(\.rawValue)).setting("kinds", texts: kind)
            .setting("selector", text: only).setting("expires", text: expires?.time.description)
    }

    static let columns: [Column] = [
        .name, .spec("role", "role"),
        Column("projects") { document, _ in
            .init(document.spec?["allProjects"]?.displayText == "true" ? "all" : document.project?.text ?? "")
        },
        .spec("verbs", "verbs"), .spec("kinds", "kinds"), .spec("selector", "selector"), .spec("expires", "expires"),
        .labels, .id,
    ]

    static func advice(_ document: ResourceDocument) -> [String] {
        guard let secret = document.node["secret"]?.string else { return [] }
        return ["", "The token, shown now and never again:", "", "    \(DisplayText.safe(secret))"]
    }
}

/// `kcnet token revoke`: from then on nobody is let in with it.
struct RevokeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke", abstract: "Take a token back: its bearers are refused within a second, on every server.")

    @Argument(help: "Its name or id.") var token: String
    @OptionGroup var project: ProjectOptions
    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    func run() async throws {
        try await connection.withSession(project: project.project) { session in
            try await session.client.delete(session.collection(TokenFlags.description), token)
            Terminal.line("token \(DisplayText.safe(token)) revoked")
        }
    }
}
