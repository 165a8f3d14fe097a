import APIClient
import ArgumentParser
import Commands
import Documents
import Glibc
import Resources

/// `kc vm console`.
struct ConsoleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "console", abstract: "Come to its serial console: see what its guest writes, and type.",
        discussion: """
            Ctrl-] leaves it; the VM goes on. It shows the end of what was written before, lasts over reboots, and waits \
            while the VM does not run. One is at a console at a time; --force takes it over. After 30 minutes in which \
            nothing is written or typed it is left. Without a terminal it types what standard input has, and goes on to show \
            what the guest writes.
            """)

    @Argument(help: "Its name or id.") var item: String
    @Flag(help: "Take it over from whoever is there, also on the host itself.") var force = false
    @OptionGroup var project: ProjectOptions
    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    func run() async throws {
        try await connection.withSession(project: project.project, format: .table) { session in
            let path = session.collection(MachineFlags.description).path(of: item) + ["console"]
            let opened = try await session.client.send(
                APIRequest(.post, path, body: Array(#"{"force":\#(force)}"#.utf8)))
            guard let id = try JSONParser.parse(opened.body)["session"]?.string else {
                throw Complaint(.failure, "the server does not say which console it has opened")
            }
            if isatty(0) == 1 { Terminal.error("[the console of \(item): Ctrl-] leaves it]") }
            RawTerminal.enter()
            let end = await ConsoleVisit(client: session.client, path: path + [id]).run()
            RawTerminal.leave()
            switch end {
            case .left:
                Terminal.error("\n[you have left the console of \(item)]")
                // It ends by itself within half a minute when the server cannot be told now.
                _ = try? await session.client.send(APIRequest(.delete, path + [id], timeout: .seconds(5)))
            case .over(let reason): Terminal.error("\n[the console of \(item) has ended: \(DisplayText.safe(reason))]")
            case .failed(let error): throw error
            }
        }
    }
}
