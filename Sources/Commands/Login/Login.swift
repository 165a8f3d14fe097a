import APIClient
package import ArgumentParser
import Documents
import FoundationEssentials
import Glibc
import Resources

/// `kcnet login`: asks the API who a credential is, and keeps what worked where its owner alone can read it.
package struct Login: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "login", abstract: "Keep an address and a credential for the commands that follow.",
        discussion: """
            The token is read from --token-file, KC_TOKEN, KC_TOKEN_FILE or the first line of standard input. With --user \
            that line is the user's password (for the checkers htpasswd and totp). With --client-certificate the key and \
            certificate in that file are the proof (for the checker certificate), and its path is kept. What the API takes \
            is written to ~/.config/kc/config.json, which only you can read.
            """)

    @Option(help: "A user's name, for a password instead of a token.") package var user: String?
    @Option(name: .shortAndLong, help: "The project of commands that name none.") package var project: String?
    @OptionGroup(title: "Connection") package var connection: ConnectionOptions

    package init() {}

    package func run() async throws {
        do { try await login() } catch {
            let complaint = Complaint(error)
            Terminal.error(complaint.text)
            throw ExitCode(complaint.status.rawValue)
        }
    }

    private func login() async throws {
        var settings = try Settings.load(connection)
        if let user {
            let text = "\(user):\(try Self.secret("Password: "))"
            settings.authorization = "Basic " + Data(text.utf8).base64EncodedString()
            settings.clientCertificate = nil
        } else if !isGiven {
            // What another login kept is somebody else's.
            settings.authorization = "Bearer " + (try Self.secret("Token: "))
            settings.clientCertificate = nil
        }
        guard settings.authorization != nil || settings.clientCertificate != nil else {
            throw Complaint(.usage, "there is no token", next: "give one on standard input or in --token-file")
        }
        let client = try APIClient(
            endpoint: settings.endpoint, authorization: settings.authorization, certificate: settings.certificate,
            identity: settings.identity())
        do {
            let request = APIRequest(.get, ["v1", "whoami"])
            let who = try await client.send(request).json(of: request)
            await client.shutdown()
            let path = try ConfigurationFile.write(settings, connection: connection, project: project)
            let name = who["name"]?.string ?? who["via"]?.string ?? who["role"]?.displayText ?? ""
            Terminal.line("logged in as \(DisplayText.safe(name)); kept in \(path)")
        } catch {
            await client.shutdown()
            throw error
        }
    }

    /// Whether options or environment name a proof.
    private var isGiven: Bool {
        connection.tokenFile != nil || connection.clientCertificate != nil
            || ["KC_TOKEN", "KC_TOKEN_FILE", "KC_CLIENT_CERTIFICATE"].contains { (name: String) in
                getenv(name).map { $0.pointee != 0 } ?? false
            }
    }

    /// The first line of standard input; of a terminal, without showing it.
    private static func secret(_ question: String) throws -> String {
        var line: String?
        if isatty(0) == 1 {
            line = getpass(question).map { String(cString: $0) }
        } else {
            line = readLine(strippingNewline: true)
        }
        guard let line, !line.isEmpty else { throw Complaint(.usage, "nothing was typed") }
        return line
    }
}
