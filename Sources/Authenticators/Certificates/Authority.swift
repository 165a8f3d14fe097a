import Crypto
import FoundationEssentials
import Resources
import SwiftASN1
import X509

/// A small authority for certificates (RFC 5280): that of the API's own server, and those of the hosts' agents.
///
/// A host's certificate is for clients alone and the server's for servers alone (extended key usage, RFC 5280 section
/// 4.2.1.12), so that no host can pass for the API with what it has.
struct Authority: Sendable {
    /// Those that are trusted; the first signs, if its key is there.
    let certificates: [Certificate]
    let key: Certificate.PrivateKey?

    /// Days before now from which on certificates are valid, for machines whose clocks are behind.
    private static let grace: TimeInterval = 86_400

    /// A new one: P-256 (FIPS 186-5), valid for 20 years.
    static func make(now: Date) throws -> (authority: Authority, certificate: String, key: String) {
        let key = P256.Signing.PrivateKey()
        // Another name for each: two that share one cannot be told apart by who looks for an issuer.
        let name = try DistinguishedName {
            CommonName("kc authority \(Secret.hex(key.publicKey.x963Representation.suffix(4)))")
        }
        let publicKey = Certificate.PublicKey(key.publicKey)
        let extensions = try Certificate.Extensions {
            Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
            Critical(KeyUsage(keyCertSign: true, cRLSign: true))
            SubjectKeyIdentifier(hash: publicKey)
        }
        let certificate = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: publicKey,
            notValidBefore: now - grace, notValidAfter: now + 20 * 365.25 * 86_400,
            issuer: name, subject: name, extensions: extensions, issuerPrivateKey: Certificate.PrivateKey(key))
        return (
            Authority(certificates: [certificate], key: Certificate.PrivateKey(key)),
            try certificate.serializeAsPEM().pemString, key.pemRepresentation
        )
    }

    /// - Parameter keyBytes: nil for an authority that signs nothing here.
    init(pem bytes: [UInt8], key keyBytes: [UInt8]?, path: String) throws(CheckerFailure) {
        do {
            certificates = try PEMDocument.parseMultiple(pemString: String(decoding: bytes, as: UTF8.self)).map {
                try Certificate(pemDocument: $0)
            }
            key = try keyBytes.map { try Certificate.PrivateKey(pemEncoded: String(decoding: $0, as: UTF8.self)) }
        } catch {
            throw CheckerFailure(path, "must be certificates in PEM, with the first one's key beside it: \(error)")
        }
        guard let first = certificates.first else { throw CheckerFailure(path, "has no certificate") }
        if let key, key.publicKey != first.publicKey {
            throw CheckerFailure(path, "the key beside it is not that of its first certificate")
        }
        for certificate in certificates where !Self.maySign(certificate) {
            throw CheckerFailure(path, "'\(certificate.subject)' is no authority (RFC 5280 section 4.2.1.9)")
        }
    }

    private init(certificates: [Certificate], key: Certificate.PrivateKey?) {
        self.certificates = certificates
        self.key = key
    }

    /// Whether it is an authority's (RFC 5280 sections 4.2.1.3 and 4.2.1.9).
    static func maySign(_ certificate: Certificate) -> Bool {
        // An extension that cannot be read is none.
        guard case .isCertificateAuthority? = try? certificate.extensions.basicConstraints else { return false }
        do {
            guard let usage = try certificate.extensions.keyUsage else { return true }
            return usage.keyCertSign
        } catch { return false }
    }

    /// Signs a certificate.
    /// - Parameter seconds: how long it is valid from `now` on.
    func sign(
        _ publicKey: Certificate.PublicKey, subject: DistinguishedName, names: [GeneralName],
        usage: ExtendedKeyUsage.Usage, seconds: TimeInterval, now: Date
    ) throws -> Certificate {
        guard let key, let issuer = certificates.first else { throw CheckerFailure("ca.pem", "its key is not here") }
        let extensions = try Certificate.Extensions {
            Critical(BasicConstraints.notCertificateAuthority)
            Critical(KeyUsage(digitalSignature: true))
            try ExtendedKeyUsage([usage])
            SubjectAlternativeNames(names)
            AuthorityKeyIdentifier(
                keyIdentifier: try issuer.extensions.subjectKeyIdentifier?.keyIdentifier
                    ?? SubjectKeyIdentifier(hash: issuer.publicKey).keyIdentifier)
        }
        return try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: publicKey,
            notValidBefore: now - min(Self.grace, seconds), notValidAfter: now + seconds, issuer: issuer.subject,
            subject: subject, extensions: extensions, issuerPrivateKey: key)
    }

    /// Whether one of the authority's certificates has signed it.
    func hasSigned(_ certificate: Certificate) -> Bool {
        certificates.contains {
            $0.subject == certificate.issuer && $0.publicKey.isValidSignature(certificate.signature, for: certificate)
        }
    }
}

extension Timestamp {
    init(_ date: Date) { self.init(milliseconds: Int64((date.timeIntervalSince1970 * 1000).rounded(.down))) }
}
