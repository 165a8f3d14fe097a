import Crypto
package import FoundationEssentials
import SwiftASN1
import X509

/// The API server's own key and certificate, made at its first start. P-256 (FIPS 186-5).
///
/// Signed by the authority, and valid for a year: who trusts the authority goes on when it is renewed. Without an authority
/// self-signed and valid for 10 years, and trusted by its own fingerprint.
package struct ServerCertificate: Sendable {
    /// PEM files.
    package let certificatePath: String
    package let keyPath: String
    /// SHA-256 of the certificate's DER, in lower-case hex.
    package let fingerprint: String

    /// How long a certificate of the authority's is valid, in seconds.
    package static let lifetime: TimeInterval = 365 * 86_400

    /// Reads `certificate.pem` in `directory`, or makes it with `key.pem` (mode 0600).
    /// - Parameters: `names` are host names and `addresses` IP addresses as 4 or 16 bytes, for the subject's alternative
    ///   names (RFC 5280 section 4.2.1.6) of a certificate that is made now.
    package init(
        directory: String, names: [String], addresses: [[UInt8]], authority: AuthorityFiles? = nil, now: Date = Date()
    ) throws {
        certificatePath = directory + "/certificate.pem"
        keyPath = directory + "/key.pem"
        if let pem = try SecretFile.read(certificatePath) {
            let documents = try PEMDocument.parseMultiple(pemString: String(decoding: pem, as: UTF8.self))
            fingerprint = Self.fingerprint(of: documents.first?.derBytes ?? [])
            return
        }
        try SecretFile.makeDirectory(directory)
        let key = P256.Signing.PrivateKey()
        let alternatives =
            names.map { GeneralName.dnsName($0) }
            + addresses.map { GeneralName.ipAddress(ASN1OctetString(contentBytes: $0[...])) }
        let chain: [PEMDocument]
        if let authority {
            chain = try Self.sign(
                Certificate.PublicKey(key.publicKey), alternatives, by: authority.authority(), now: now)
        } else {
            chain = [try Self.selfSigned(key, alternatives, now: now).serializeAsPEM()]
        }
        // The key first: a certificate without its key would be found by the next start, which would not mend it.
        try SecretFile.write(Array(key.pemRepresentation.utf8), to: keyPath)
        try Self.write(chain, to: certificatePath)
        fingerprint = Self.fingerprint(of: chain.first?.derBytes ?? [])
    }

    /// Puts a new certificate for the same key and names in the old one's place, if the authority has signed that and
    /// two thirds of its life are over.
    /// - Returns: whether it did.
    package func renew(by files: AuthorityFiles, now: Date = Date()) throws -> Bool {
        guard let pem = try SecretFile.read(certificatePath),
            let document = try PEMDocument.parseMultiple(pemString: String(decoding: pem, as: UTF8.self)).first
        else { return false }
        let old = try Certificate(pemDocument: document)
        let authority = try files.authority()
        let life = old.notValidAfter.timeIntervalSince(old.notValidBefore)
        guard authority.key != nil, authority.hasSigned(old), now > old.notValidBefore + life * 2 / 3 else {
            return false
        }
        let names = try old.extensions.subjectAlternativeNames ?? SubjectAlternativeNames()
        try Self.write(try Self.sign(old.publicKey, Array(names), by: authority, now: now), to: certificatePath)
        return true
    }

    /// SHA-256 of a certificate's DER, in lower-case hex.
    package static func fingerprint(of der: [UInt8]) -> String { Secret.hex(SHA256.hash(data: der)) }

    private static func write(_ chain: [PEMDocument], to path: String) throws {
        try SecretFile.write(Array(chain.map { $0.pemString + "\n" }.joined().utf8), to: path, mode: 0o644)
    }

    private static func subject() throws -> DistinguishedName { try DistinguishedName { CommonName("kcd api") } }

    /// With the authority's certificate behind it: who makes contact for the first time knows that one's fingerprint.
    private static func sign(
        _ key: Certificate.PublicKey, _ names: [GeneralName], by authority: Authority, now: Date
    ) throws -> [PEMDocument] {
        let leaf = try authority.sign(
            key, subject: try subject(), names: names, usage: .serverAuth, seconds: lifetime, now: now)
        return try [leaf.serializeAsPEM()] + authority.certificates.prefix(1).map { try $0.serializeAsPEM() }
    }

    private static func selfSigned(_ key: P256.Signing.PrivateKey, _ names: [GeneralName], now: Date) throws
        -> Certificate
    {
        let subject = try subject()
        let extensions = try Certificate.Extensions {
            Critical(BasicConstraints.notCertificateAuthority)
            // No KeyUsage: without keyCertSign in it BoringSSL does not take the certificate for self-signed, and then
            // finds no issuer for it in a client that trusts it alone.
            try ExtendedKeyUsage([.serverAuth])
            SubjectAlternativeNames(names)
        }
        return try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: Certificate.PublicKey(key.publicKey),
            // A day back, for machines whose clocks are behind.
            notValidBefore: now.addingTimeInterval(-86_400),
            notValidAfter: now.addingTimeInterval(10 * 365.25 * 86_400),
            issuer: subject, subject: subject, signatureAlgorithm: .ecdsaWithSHA256, extensions: extensions,
            issuerPrivateKey: Certificate.PrivateKey(key))
    }
}
