import APIClient
import ArgumentParser

/// Which API, and as whom.
struct ConnectionOptions: ParsableArguments {
    @Option(help: "The API: unix:PATH, https://HOST:PORT, or http://[::1]:PORT on this machine.")
    var api: String?

    @Option(help: ArgumentHelp("A file whose first line is the token.", valueName: "file"), completion: .file())
    var tokenFile: String?

    @Option(
        help: ArgumentHelp("A PEM file: the one certificate the API is trusted by.", valueName: "file"),
        completion: .file())
    var certificate: String?

    /// Runs `body` with an open client, closes it, and turns every error into its message and exit code.
    func withSession(
        project: String? = nil, format: OutputFormat = .table, _ body: (Session) async throws -> Void
    ) async throws {
        do {
            let settings = try Settings.load(self)
            let client = try APIClient(
                endpoint: settings.endpoint, authorization: settings.authorization, certificate: settings.certificate)
            do {
                try await body(
                    Session(client: client, project: project ?? settings.project, format: format, settings: settings))
            } catch {
                await client.shutdown()
                throw error
            }
            await client.shutdown()
        } catch let code as ExitCode {
            throw code
        } catch {
            let complaint = Complaint(error)
            Terminal.error(complaint.text)
            throw ExitCode(complaint.status.rawValue)
        }
    }
}
