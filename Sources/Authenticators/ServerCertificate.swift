import Crypto
package import FoundationEssentials
import SwiftASN1
import X509

/// The API server's own key and certificate, made at its first start.
///
/// Self-signed: agents do not trust it by its issuer but by the fingerprint in their join token. P-256 (FIPS 186-5),
/// valid for 10 years.
package struct ServerCertificate: Sendable {
    /// PEM files.
    package let certificatePath: String
    package let keyPath: String
    /// SHA-256 of the certificate's DER, in lower-case hex.
    package let fingerprint: String

    /// Reads `certificate.pem` in `directory`, or makes it with `key.pem` (mode 0600).
    /// - Parameters: `names` are host names and `addresses` IP addresses as 4 or 16 bytes, for the subject's alternative
    ///   names (RFC 5280 section 4.2.1.6) of a certificate that is made now.
    package init(directory: String, names: [String], addresses: [[UInt8]], now: Date = Date()) throws {
        certificatePath = directory + "/certificate.pem"
        keyPath = directory + "/key.pem"
        if let pem = try SecretFile.read(certificatePath) {
            let document = try PEMDocument(pemString: String(decoding: pem, as: UTF8.self))
            fingerprint = Self.fingerprint(of: document.derBytes)
            return
        }
        try SecretFile.makeDirectory(directory)
        let key = P256.Signing.PrivateKey()
        let document = try Self.make(key, names: names, addresses: addresses, now: now).serializeAsPEM()
        // The key first: a certificate without its key would be found by the next start, which would not mend it.
        try SecretFile.write(Array(key.pemRepresentation.utf8), to: keyPath)
        try SecretFile.write(Array(document.pemString.utf8), to: certificatePath, mode: 0o644)
        fingerprint = Self.fingerprint(of: document.derBytes)
    }

    /// SHA-256 of a certificate's DER, in lower-case hex.
    package static func fingerprint(of der: [UInt8]) -> String { Secret.hex(SHA256.hash(data: der)) }

    private static func make(_ key: P256.Signing.PrivateKey, names: [String], addresses: [[UInt8]], now: Date) throws
        -> Certificate
    {
        let subject = try DistinguishedName { CommonName("kcd api") }
        let alternatives =
            names.map { GeneralName.dnsName($0) }
            + addresses.map { GeneralName.ipAddress(ASN1OctetString(contentBytes: $0[...])) }
        let extensions = try Certificate.Extensions {
            Critical(BasicConstraints.notCertificateAuthority)
            // No KeyUsage: without keyCertSign in it BoringSSL does not take the certificate for self-signed, and then
            // finds no issuer for it in a client that trusts it alone.
            try ExtendedKeyUsage([.serverAuth])
            SubjectAlternativeNames(alternatives)
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
