import APIClient
package import ArgumentParser
import Documents

package struct WhoAmI: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "whoami", abstract: "Who the API takes you for.")

    @OptionGroup package var output: OutputOptions
    @OptionGroup(title: "Connection") package var connection: ConnectionOptions

    package init() {}

    package func run() async throws {
        try await connection.withSession(format: output.output) { session in
            let request = APIRequest(.get, ["v1", "whoami"])
            let node = try await session.client.send(request).json(of: request)
            guard session.format.isTable else { return session.print(node) }
            var table = Table(["", ""])
            table.add([.init("api", .quiet), .init(session.client.endpoint.description)])
            for member in node.members { table.add([.init(member.name, .quiet), .init(member.value.displayText)]) }
            for line in table.lines(coloured: Terminal.isColoured, withHeader: false) { Terminal.line(line) }
        }
    }
}

package struct VersionCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "version", abstract: "The version of this program.")

    package init() {}

    package func run() { Terminal.line("\(Program.current.name) \(Version.text)") }
}
