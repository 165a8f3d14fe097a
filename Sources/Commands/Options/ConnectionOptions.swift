import APIClient
package import ArgumentParser

/// Which API, and as whom.
package struct ConnectionOptions: ParsableArguments {
    @Option(help: "The API: unix:PATH, https://HOST:PORT, or http://[::1]:PORT on this machine.")
    package var api: String?

    @Option(help: ArgumentHelp("A file whose first line is the token.", valueName: "file"), completion: .file())
    package var tokenFile: String?

    @Option(
        help: ArgumentHelp("A PEM file: the certificates the API is trusted by, and no others.", valueName: "file"),
        completion: .file())
    package var certificate: String?

    @Option(
        help: ArgumentHelp(
            "A PEM file with a private key and its certificate, shown to the API in the place of a token.",
            valueName: "file"),
        completion: .file())
    package var clientCertificate: String?

    package init() {}

    package func validate() throws {
        guard tokenFile == nil || clientCertificate == nil else {
            throw ValidationError("give --token-file or --client-certificate, not both")
        }
    }

    /// Runs `body` with an open client, closes it, and turns every error into its message and exit code.
    package func withSession(
        project: String? = nil, format: OutputFormat = .table, _ body: (Session) async throws -> Void
    ) async throws {
        do {
            let settings = try Settings.load(self)
            let client = try APIClient(
                endpoint: settings.endpoint, authorization: settings.authorization, certificate: settings.certificate,
                identity: settings.identity())
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
