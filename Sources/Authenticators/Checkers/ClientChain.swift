import Persistence
import Resources
import SwiftASN1
import X509

/// What a client has shown, compared with an operator's authorities (RFC 5280 section 6).
///
/// How long a comparison takes is bounded whatever a client sends: of authorities below the operator's those are looked at
/// that differ in their names, of which each certificate names one as its issuer, so that there is a single way up.
struct ClientChain {
    private let leaf: Certificate
    private let below: [Certificate]

    /// Certificates beyond that many are not looked at.
    private static let maximumCount = 8

    /// nil for what is no chain of certificates.
    init?(_ chain: [[UInt8]]) {
        var certificates: [Certificate] = []
        for der in chain.prefix(Self.maximumCount) {
            // What cannot be read is no certificate of anybody's.
            guard let certificate = try? Certificate(derEncoded: der) else { return nil }
            let isKnown = certificates.dropFirst().contains { $0.subject == certificate.subject }
            if certificates.isEmpty || !isKnown { certificates.append(certificate) }
        }
        guard let leaf = certificates.first else { return nil }
        self.leaf = leaf
        below = Array(certificates.dropFirst())
    }

    func judgement(_ roots: [Certificate], now: Timestamp) async -> CertificateJudgement {
        var verifier = Verifier(rootCertificates: CertificateStore(roots)) {
            RFC5280Policy()
            CheckedLater()
        }
        let result = await verifier.validate(leaf: leaf, intermediates: CertificateStore(below))
        guard case .validCertificate(let chain) = result else { return failure(roots, now) }
        for certificate in chain.dropLast() where !Self.isForClients(certificate) {
            return .refused("the certificate, or one that vouches for it, is not one for clients")
        }
        for certificate in chain.dropFirst() where !Authority.maySign(certificate) {
            return .refused("a certificate that vouches for the client's is none of an authority")
        }
        var holder = CertificateHolder(leaf)
        for certificate in chain { holder.ends = min(holder.ends, Timestamp(certificate.notValidAfter)) }
        return .trusted(holder)
    }

    /// Who has a certificate of the authority's own is told what is wrong with it; others learn nothing of the authority.
    private func failure(_ roots: [Certificate], _ now: Timestamp) -> CertificateJudgement {
        let isOwn = roots.contains {
            $0.subject == leaf.issuer && $0.publicKey.isValidSignature(leaf.signature, for: leaf)
        }
        guard isOwn else { return .foreign }
        let (begins, ends) = (Timestamp(leaf.notValidBefore), Timestamp(leaf.notValidAfter))
        if ends <= now { return .refused("the certificate has expired at \(ends): connect with a new one") }
        if begins > now { return .refused("the certificate is valid from \(begins) on: compare the clocks") }
        return .refused("the certificate is not valid")
    }

    /// Without the extension it is for everything (RFC 5280 section 4.2.1.12); what cannot be read allows nothing.
    private static func isForClients(_ certificate: Certificate) -> Bool {
        do {
            guard let usage = try certificate.extensions.extendedKeyUsage else { return true }
            return usage.contains(.clientAuth) || usage.contains(.any)
        } catch { return false }
    }

    /// Extensions that may be critical and are looked at in the chain that was found: usages, and the subject's other names,
    /// which a certificate without a subject has to mark so (RFC 5280 section 4.2.1.6).
    private struct CheckedLater: VerifierPolicy {
        let verifyingCriticalExtensions: [ASN1ObjectIdentifier] = [
            .X509ExtensionID.extendedKeyUsage, .X509ExtensionID.subjectAlternativeName,
        ]

        func chainMeetsPolicyRequirements(chain: UnverifiedCertificateChain) -> PolicyEvaluationResult { .meetsPolicy }
    }
}
