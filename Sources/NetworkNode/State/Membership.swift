import Glibc
package import HostState
import NetworkModel
package import Resources

/// How this machine reaches the API as a host: what `kcd join` left behind.
package struct Membership: Hashable, JSONCodable {
    /// The API's address, as `Endpoint` reads it.
    package var url: String
    /// PEM of the certificates that are trusted, and no others; nil for loopback and Unix sockets.
    package var certificate: String?
    package var host: ResourceID
    /// The host's name when it joined; only for people.
    package var name: Name

    package init(url: String, certificate: String?, host: ResourceID, name: Name) {
        self.url = url
        self.certificate = certificate
        self.host = host
        self.name = name
    }

    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            url: try reader.required("url"), certificate: try reader.optional("certificate"),
            host: try reader.required("host"), name: try reader.required("name"))
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("url", url)
            writer.member("certificate", certificate)
            writer.member("host", host)
            writer.member("name", name)
        }
    }
}

/// The agent's state folder (`/var/lib/kc/node`, mode 0700): `api.json`, `credential` (0600), `host-key.pem` (0600, the host's key
/// with its certificate), `snapshot.json` (0600).
package struct StateFolder: Sendable {
    package let path: String

    package init(path: String) { self.path = path }

    package var snapshot: SnapshotFile { SnapshotFile(path: path + "/snapshot.json") }
    private var api: String { path + "/api.json" }
    private var credential: String { path + "/credential" }
    private var identityFile: String { path + "/host-key.pem" }

    /// Success when it exists.
    package func make() throws(FileError) { try AtomicFile.makeFolder(path, mode: 0o700) }

    package struct Damaged: Error, CustomStringConvertible {
        package let path: String
        package let reason: String
        package var description: String { "\(path) cannot be used: \(reason); join again with `kcd join --force`" }
    }

    /// What `save` wrote; nil when the machine has not joined.
    /// - Throws: `FileError`, or `Damaged`.
    package func membership() throws -> (membership: Membership, credential: String)? {
        guard let bytes = try AtomicFile.read(api, limit: 1 << 20) else { return nil }
        let membership: Membership
        do { membership = try Membership(json: JSONParser.parse(kept: bytes), path: "") } catch {
            throw Damaged(path: api, reason: "\(error)")
        }
        guard let secret = try AtomicFile.read(credential, limit: 4096) else {
            throw Damaged(path: credential, reason: "it is missing")
        }
        let text = String(decoding: secret, as: UTF8.self).filter { !$0.isNewline }
        guard !text.isEmpty else { throw Damaged(path: credential, reason: "it is empty") }
        return (membership, text)
    }

    /// The host's key with its certificate, as PEM; nil when there is none.
    package func identity() throws(FileError) -> String? {
        try AtomicFile.read(identityFile, limit: 65_536).map { String(decoding: $0, as: UTF8.self) }
    }

    /// - Parameter trusted: by what the API is trusted from now on; `api.json` is written when that is something else.
    package func save(identity pem: String, trusted: String) throws {
        if var (membership, _) = try membership(), membership.certificate != trusted {
            membership.certificate = trusted
            try AtomicFile.write(membership.json, to: api, mode: 0o644)
        }
        try AtomicFile.write(Array(pem.utf8), to: identityFile, mode: 0o600)
    }

    /// `api.json` last: with it the machine has joined.
    package func save(_ membership: Membership, credential text: String) throws(FileError) {
        try make()
        // Another host's, if there is one.
        guard unlink(identityFile) == 0 || errno == ENOENT else { throw FileError("remove", identityFile) }
        try AtomicFile.write(Array("\(text)\n".utf8), to: credential, mode: 0o600)
        try AtomicFile.write(membership.json, to: api, mode: 0o644)
    }
}
