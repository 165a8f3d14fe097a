import APIClient
import ArgumentParser
import Commands
import Documents
import Glibc
import Laboratory
import Resources

struct SupportBundle: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "support-bundle", abstract: "Pack what others need to help into FILE.tar.gz, without secrets.",
        discussion: """
            Versions, all resources and their status, what `doctor` says, devices, routes, our nftables tables, and the logs
            you name. Tokens, credentials, passwords and private keys are taken out. Look into it before you pass it on:
            names, addresses and annotations are in it.
            """)

    @Argument(help: "The file to make; it must not exist.", completion: .file(extensions: ["tar.gz"])) var file: String
    @Option(help: "A log file to add, its last 8 MiB; may be repeated.", completion: .file()) var log: [String] = []
    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    func validate() throws {
        guard file.hasSuffix(".tar.gz") else { throw ValidationError("FILE must end with .tar.gz") }
    }

    func run() async throws {
        try await connection.withSession(format: .json) { session in
            guard LocalFile.status(file) == nil else {
                throw Complaint(.usage, "\(file) exists already", next: "choose another name; nothing is overwritten")
            }
            var pattern = Array("/tmp/kc-support-XXXXXX".utf8CString)
            guard mkdtemp(&pattern) != nil else {
                throw Complaint(.failure, "cannot make a folder in /tmp: \(LocalFile.Failure.system)")
            }
            let folder = String(decoding: pattern.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
            let redaction = Redaction(secrets: KnownSecrets.all(session.settings))
            var names: [String] = []
            defer {
                for name in names { unlink("\(folder)/\(name)") }
                rmdir(folder)
            }
            for part in await BundleParts.all(session, logs: log) {
                names.append(part.name)
                try LocalFile.create("\(folder)/\(part.name)", Array(redaction.apply(part.text).utf8))
            }
            let result = try await Command("tar", ["-czf", file, "-C", folder] + names).run()
            guard result.isSuccess else { throw Complaint(.failure, "tar failed: \(result.complaint)") }
            chmod(file, 0o600)
            Terminal.line("\(file): \(names.count) files, secrets taken out")
        }
    }
}

/// Values on this machine that must not leave it, whatever text they stand in.
enum KnownSecrets {
    static func all(_ settings: Settings) -> [String] {
        var secrets = [settings.authorization?.split(separator: " ").last.map(String.init)].compactMap { $0 }
        if let token = getenv("KC_TOKEN") { secrets.append(String(cString: token)) }
        let folders = ["/var/lib/kc", "/var/lib/kc/node", "/var/lib/kc/tls"]
        for folder in folders {
            // No such folder: no such secrets.
            let names: [String]
            do { names = try LocalFile.names(in: folder) } catch { continue }
            for name in names where ["token", "credential", "key"].contains(where: name.contains) {
                let lines = ProcFile.text("\(folder)/\(name)")?.split(separator: "\n") ?? []
                secrets += lines.filter { !$0.hasPrefix("-----") }.map(String.init)
            }
        }
        return secrets
    }
}
