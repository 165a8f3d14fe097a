import Crypto
import NIOSSL
package import Resources
import SwiftASN1
import X509

/// A private key and the certificate for it, with which a client proves itself in TLS.
package struct ClientIdentity: Sendable {
    /// Key and certificates in one text of PEM, so that a file holds both or neither.
    package let pem: String
    /// From when until when the certificate is valid.
    package let begins: Timestamp
    package let ends: Timestamp
    let chain: [NIOSSLCertificate]
    let key: NIOSSLPrivateKey

    /// - Parameter pem: a private key, and its certificate with those that vouch for it behind it.
    /// - Throws: `APIFailure` with code `notTrusted` when there is no key or no certificate in it.
    package init(pem: String) throws(APIFailure) {
        let bytes = Array(pem.utf8)
        do {
            chain = try NIOSSLCertificate.fromPEMBytes(bytes)
            key = try NIOSSLPrivateKey(bytes: bytes, format: .pem)
            guard let leaf = chain.first else { throw NIOSSLError.failedToLoadCertificate }
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.trustRoots = .certificates([])
            configuration.certificateChain = chain.map { .certificate($0) }
            configuration.privateKey = .privateKey(key)
            // Says whether the key is the certificate's.
            _ = try NIOSSLContext(configuration: configuration)
            begins = Timestamp(milliseconds: Int64(leaf.notValidBefore) * 1000)
            ends = Timestamp(milliseconds: Int64(leaf.notValidAfter) * 1000)
        } catch {
            throw APIFailure(
                .notTrusted, operation: "read a client's certificate", subject: "the PEM",
                cause: "it has no private key with its certificate (\(error))",
                advice: "put the key and then its certificate into one file, both in PEM")
        }
        self.pem = pem
    }
}

/// A new key, and the request for a certificate for it: the key never leaves the machine.
package struct ClientKey: Sendable {
    /// PEM.
    package let pem: String
    /// PKCS#10 (RFC 2986) in PEM, signed with the key. It names nobody: who gives the certificate knows whom it is for.
    package let request: String

    /// P-256 (FIPS 186-5).
    package init() throws(APIFailure) {
        let key = P256.Signing.PrivateKey()
        pem = key.pemRepresentation + "\n"
        do {
            let request = try CertificateSigningRequest(
                version: .v1, subject: DistinguishedName(), privateKey: Certificate.PrivateKey(key),
                attributes: CertificateSigningRequest.Attributes())
            self.request = try request.serializeAsPEM().pemString
        } catch {
            throw APIFailure(
                .notTrusted, operation: "make a request for a certificate", subject: "a new key", cause: "\(error)",
                advice: "this is a fault of the program: report it")
        }
    }
}
