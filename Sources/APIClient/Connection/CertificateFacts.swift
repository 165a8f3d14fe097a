import FoundationEssentials
import NIOCore
package import Resources
import SwiftASN1
import X509

/// What stands in a certificate, for people and checks. Trusts nothing.
package struct CertificateFacts: Sendable {
    package let begins: Timestamp
    package let ends: Timestamp
    /// Names of DNS, and addresses as text, from the subject's alternative names.
    package let names: [String]
    private let certificate: Certificate

    /// nil for what is no certificate.
    package init?(der: [UInt8]) {
        // Why it cannot be read helps nobody who looks at what it says.
        guard let certificate = try? Certificate(derEncoded: der) else { return nil }
        self.init(certificate)
    }

    private init(_ certificate: Certificate) {
        self.certificate = certificate
        begins = Timestamp(milliseconds: Int64(certificate.notValidBefore.timeIntervalSince1970 * 1000))
        ends = Timestamp(milliseconds: Int64(certificate.notValidAfter.timeIntervalSince1970 * 1000))
        // Names that cannot be read are none.
        let alternatives = (try? certificate.extensions.subjectAlternativeNames) ?? SubjectAlternativeNames()
        names = alternatives.compactMap { name in
            switch name {
            case .dnsName(let text): text
            case .ipAddress(let bytes):
                // Bytes that are no address are no name.
                try? SocketAddress(packedIPAddress: ByteBuffer(bytes: bytes.bytes), port: 0).ipAddress
            default: nil
            }
        }
    }

    /// All certificates of a text of PEM, in their order.
    package static func all(inPEM text: String) -> [CertificateFacts] {
        // A text that is no PEM has none.
        let documents = (try? PEMDocument.parseMultiple(pemString: text)) ?? []
        return documents.compactMap { document in
            guard document.discriminator == Certificate.defaultPEMDiscriminator else { return nil }
            return CertificateFacts(der: document.derBytes)
        }
    }

    /// Whether it is the other one, or has signed it.
    package func vouches(for other: CertificateFacts) -> Bool {
        certificate == other.certificate
            || certificate.subject == other.certificate.issuer
                && certificate.publicKey.isValidSignature(other.certificate.signature, for: other.certificate)
    }

    /// Whether it names that host: a name, or an address with or without brackets.
    package func isFor(_ host: String) -> Bool {
        let plain = host.hasPrefix("[") ? String(host.dropFirst().prefix { $0 != "]" }) : host
        // A name is no address.
        let address = try? SocketAddress(ipAddress: plain, port: 0).ipAddress
        return names.contains { $0.lowercased() == (address ?? plain).lowercased() }
    }
}
