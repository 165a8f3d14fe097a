package import FoundationEssentials
import SwiftASN1
import X509

/// The authority in files: `ca.pem` and `ca-key.pem` (mode 0600) beside the server's certificate. Made at the first start;
/// an operator's own may stand there instead, and further certificates that are trusted may follow the first one.
///
/// Read again when `ca.pem` has changed.
package final class AuthorityFiles: Sendable {
    let path: String
    private let file: WatchedFile<Authority>

    /// - Throws: when the files cannot be made or are no authority's.
    package init(
        directory: String, now: Date = Date(), report: @escaping @Sendable (CheckerFailure) -> Void = { _ in }
    ) throws {
        let (path, keyPath) = (directory + "/ca.pem", directory + "/ca-key.pem")
        self.path = path
        if try SecretFile.read(path) == nil {
            try SecretFile.makeDirectory(directory)
            let made = try Authority.make(now: now)
            // The key first: a certificate without its key would be found by the next start, which would not mend it.
            try SecretFile.write(Array(made.key.utf8), to: keyPath)
            try SecretFile.write(Array(made.certificate.utf8), to: path, mode: 0o644)
        }
        file = WatchedFile(path, report) { bytes throws(CheckerFailure) in
            let key: [UInt8]?
            do { key = try SecretFile.read(keyPath) } catch { throw CheckerFailure(keyPath, "\(error)") }
            return try Authority(pem: bytes, key: key, path: path)
        }
        _ = try file.content()
    }

    /// - Throws: when the files hold none now.
    func authority() throws(CheckerFailure) -> Authority { try file.content() }

    /// What an authority is called among those that judged a certificate: another one after the file has changed.
    static func judge(_ authority: Authority) -> String {
        authority.certificates.map { "\($0.serialNumber)" }.joined(separator: ",")
    }

    /// The certificate that a new host pins, in DER: the authority's, if what the server shows was signed by it and has
    /// it in its chain, else the server's own.
    package func pin(ofChain chain: [[UInt8]]) -> [UInt8]? {
        guard let leaf = chain.first else { return nil }
        // With files that cannot be used there is the server's own certificate still.
        guard isOwn(leaf), let authority = try? authority() else { return leaf }
        let own = authority.certificates.compactMap { Self.der($0) }
        return chain.first { own.contains($0) } ?? leaf
    }

    /// Whether the authority has signed that certificate. One that cannot be read is none of its own.
    package func isOwn(_ der: [UInt8]) -> Bool {
        guard let certificate = try? Certificate(derEncoded: der) else { return false }
        // An authority that cannot be read has signed nothing that could be shown.
        return (try? authority())?.hasSigned(certificate) ?? false
    }

    /// What a host must trust, as PEM: the authority, and what the server shows beside it.
    func trust(shown chain: [[UInt8]]) throws -> String {
        var parts = try authority().certificates.map { try $0.serializeAsPEM().pemString }
        if let leaf = chain.first, !isOwn(leaf) {
            parts.append(PEMDocument(type: "CERTIFICATE", derBytes: leaf).pemString)
        }
        return parts.map { $0 + "\n" }.joined()
    }

    /// nil never happens for what was read from PEM.
    private static func der(_ certificate: Certificate) -> [UInt8]? {
        var serializer = DER.Serializer()
        do { try serializer.serialize(certificate) } catch { return nil }
        return serializer.serializedBytes
    }
}
