import APIClient
import ArgumentParser
import Commands
import Documents
import Resources

/// `kc type parameters`: what a VM of the type may choose.
struct ParametersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "parameters", abstract: "Show what VMs of a type may choose with --parameter.")

    @Argument(help: "Its name or id.") var item: String
    @OptionGroup var output: OutputOptions
    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    func run() async throws {
        try await connection.withSession(format: output.output) { session in
            let collection = session.collection(MachineTypeFlags.description)
            let request = APIRequest(
                .get, collection.path(of: item) + ["parameters"],
                query: session.client.waiting(for: collection.kind.service))
            let schema = try await session.client.send(request).json(of: request)
            guard session.format.isTable else { return session.print(schema) }
            var table = Table(["parameter", "may be", "default"])
            for (name, rule) in schema["properties"]?.members ?? [] {
                table.add([
                    .init(name), .init(Self.words(rule)), .init(rule["default"]?.displayText ?? "", .quiet),
                ])
            }
            guard !table.rows.isEmpty else { return Terminal.line("nothing: everything of it is fixed") }
            for line in table.lines(coloured: Terminal.isColoured) { Terminal.line(line) }
        }
    }

    /// A rule of a JSON Schema in a few words.
    private static func words(_ rule: JSONNode) -> String {
        if let choices = rule["enum"]?.elements { return choices.map(\.displayText).joined(separator: ", ") }
        guard let minimum = rule["minimum"], let maximum = rule["maximum"] else {
            return rule["type"]?.displayText ?? ""
        }
        let step = rule["multipleOf"]?.displayText
        return "\(minimum.displayText) to \(maximum.displayText)"
            + (step == nil || step == "1" ? "" : " in steps of \(step ?? "")")
    }
}
