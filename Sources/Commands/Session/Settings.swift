package import APIClient
import FoundationEssentials
import Glibc
import Resources

/// Where the API is and how to prove who asks: from options, then the environment, then the configuration file.
package struct Settings: Sendable {
    package var endpoint = Endpoint.standard
    /// The whole `Authorization` header.
    package var authorization: String?
    package var certificate: String?
    /// The path of a file with a private key and its certificate. Not together with `authorization`.
    package var clientCertificate: String?
    package var project = "default"

    package static func load(
        _ options: ConnectionOptions, environment: [String: String] = ProcessInfo.processInfo.environment
    )
        throws -> Settings
    {
        func variable(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        let file = try ConfigurationFile.load(environment: environment)
        var settings = Settings()
        if let api = options.api ?? variable("KC_API") ?? file.api { settings.endpoint = try Endpoint(parsing: api) }
        (settings.authorization, settings.clientCertificate) = try proof(options, variable, file)
        // What is kept for TLS says nothing on a socket.
        if options.clientCertificate == nil, !settings.endpoint.isEncrypted { settings.clientCertificate = nil }
        if let path = options.certificate ?? variable("KC_CERTIFICATE") ?? file.certificate {
            settings.certificate = try read(path)
        }
        settings.project = variable("KC_PROJECT") ?? file.project ?? settings.project
        return settings
    }

    /// A header or a certificate, whichever is named first: by the options, the environment, the file.
    private static func proof(
        _ options: ConnectionOptions, _ variable: (String) -> String?, _ file: ConfigurationFile
    ) throws -> (authorization: String?, clientCertificate: String?) {
        func token(in path: String) throws -> (String?, String?) {
            ("Bearer " + (try read(path, firstLine: true)), nil)
        }
        if let path = options.tokenFile { return try token(in: path) }
        if let path = options.clientCertificate { return (nil, path) }
        if let text = variable("KC_TOKEN") { return ("Bearer " + text, nil) }
        if let path = variable("KC_TOKEN_FILE") { return try token(in: path) }
        if let path = variable("KC_CLIENT_CERTIFICATE") { return (nil, path) }
        if let path = file.tokenFile { return try token(in: path) }
        if let header = file.token.map({ "Bearer " + $0 }) ?? file.authorization { return (header, nil) }
        return (nil, file.clientCertificate)
    }

    /// What is shown in TLS; nil for nothing.
    package func identity() throws -> ClientIdentity? {
        guard let path = clientCertificate else { return nil }
        guard endpoint.isEncrypted else {
            throw Complaint(
                .usage, "a certificate is shown in TLS alone, and \(endpoint) has none",
                next: "give an address with https:// in --api")
        }
        let pem = try Self.read(path)
        do { return try ClientIdentity(pem: pem) } catch {
            throw Complaint(.usage, "\(path): \(error.cause)", next: error.advice)
        }
    }

    private static func read(_ path: String, firstLine: Bool = false) throws -> String {
        let text: String
        do { text = try LocalFile.read(path, maximum: 1 << 20) } catch {
            throw Complaint(
                .usage, "cannot read \(path): \(error)", next: "correct the path, or run as a user who may read it")
        }
        guard firstLine else { return text }
        return text.split(separator: "\n").first.map { $0.filter { !$0.isWhitespace } } ?? ""
    }
}

/// ~/.config/kc/config.json (or under XDG_CONFIG_HOME): `{"api", "token", "tokenFile", "authorization",
/// "certificate", "clientCertificate", "project"}`; `authorization` is a whole header, for what is no token.
package struct ConfigurationFile {
    package var api: String?
    package var token: String?
    package var tokenFile: String?
    package var authorization: String?
    package var certificate: String?
    package var clientCertificate: String?
    package var project: String?

    package static func load(environment: [String: String]) throws -> ConfigurationFile {
        guard let path = path(environment), let status = LocalFile.status(path) else { return ConfigurationFile() }
        let file: ConfigurationFile
        do {
            var reader = try FieldReader(
                try JSONParser.parse(Array(LocalFile.read(path, maximum: 1 << 20).utf8)), path: "")
            file = ConfigurationFile(
                api: try reader.optional("api"), token: try reader.optional("token"),
                tokenFile: try reader.optional("tokenFile"), authorization: try reader.optional("authorization"),
                certificate: try reader.optional("certificate"),
                clientCertificate: try reader.optional("clientCertificate"),
                project: try reader.optional("project"))
            try reader.finish()
        } catch { throw Complaint(.usage, "\(path): \(error)", next: "correct the file, or remove it") }
        // A token that others can read is everybody's token.
        guard file.token == nil && file.authorization == nil || status.st_mode & 0o077 == 0 else {
            throw Complaint(.usage, "\(path) holds a token and others can read it", next: "chmod 600 \(path)")
        }
        return file
    }

    /// Writes what `login` found to be right; readable by its owner alone from its first moment.
    /// - Returns: where.
    package static func write(_ settings: Settings, connection: ConnectionOptions, project: String?) throws -> String {
        let environment = ProcessInfo.processInfo.environment
        guard let path = path(environment) else { throw Complaint(.usage, "there is no HOME to keep it in") }
        let old = try load(environment: environment)
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("api", settings.endpoint.description)
            writer.member("authorization", settings.authorization)
            writer.member("certificate", connection.certificate.map(absolute) ?? old.certificate)
            writer.member("clientCertificate", settings.clientCertificate.map(absolute))
            writer.member("project", project ?? old.project)
        }
        do {
            let folder = String(path.dropLast("/config.json".count))
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            // Left over by a login that was interrupted; a file that is there already might be readable by others.
            unlink(path + ".new")
            try LocalFile.create(path + ".new", writer.bytes + [0x0a])
            guard rename(path + ".new", path) == 0 else { throw LocalFile.Failure.system }
        } catch { throw Complaint(.failure, "cannot write \(path): \(error)") }
        return path
    }

    /// The file is read from wherever a later command runs.
    private static func absolute(_ path: String) -> String {
        path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    }

    private static func path(_ environment: [String: String]) -> String? {
        if let base = environment["XDG_CONFIG_HOME"], base.hasPrefix("/") { return base + "/kc/config.json" }
        return environment["HOME"].map { $0 + "/.config/kc/config.json" }
    }
}
