import Crypto
package import FoundationEssentials
package import Persistence
package import Resources
import SwiftASN1
import X509

/// Certificates of hosts: made from their requests, and taken in the place of their credentials.
///
/// The host stands in the certificate as the URI `urn:kc:host:<id>` among the subject's alternative names (RFC 5280 section
/// 4.2.1.6): by its id and not its name, which may change and be given to another host; as a URI, since it is neither a
/// name of DNS nor an address; and not in the subject, which nobody should compare. A second one,
/// `urn:kc:credential:<16 hex digits>`, is the beginning of the digest of the host's credential: the certificate is good
/// as long as that one is, and a credential that is replaced takes all certificates with it.
package struct HostCertificates: HostCertifier, Checker {
    private let files: AuthorityFiles
    private let store: any Store
    private let known: KnownTokens
    private let lifetime: TimeInterval
    private let shown: @Sendable () -> [[UInt8]]

    /// Seconds.
    package static let standardLifetime: TimeInterval = 7 * 86_400

    /// - Parameters:
    ///   - lifetime: of a certificate, in seconds.
    ///   - shown: the chain that the server shows now, in DER.
    package init(
        files: AuthorityFiles, store: any Store, known: KnownTokens,
        lifetime: TimeInterval = HostCertificates.standardLifetime, shown: @escaping @Sendable () -> [[UInt8]]
    ) {
        self.files = files
        self.store = store
        self.known = known
        self.lifetime = lifetime
        self.shown = shown
    }

    private static let hostPrefix = "urn:kc:host:"
    private static let credentialPrefix = "urn:kc:credential:"

    package var challenge: String? { nil }

    package func certify(
        _ host: ResourceID, request: String, now: Timestamp
    ) async throws(CertificationRefusal) -> HostCertificate {
        let key = try Self.key(of: request)
        let entry: StoreEntry?
        do { entry = try await store.get(TokenAuthenticator.host(host)).entry } catch {
            throw .unavailable(error.description)
        }
        guard let entry else { throw .noCredential }
        let authority: Authority
        do { authority = try files.authority() } catch { throw .noAuthority(error.description) }
        guard authority.key != nil else { throw .noAuthority("\(files.path) has no key beside it") }
        do {
            let certificate = try authority.sign(
                key, subject: try DistinguishedName { CommonName(host.description) },
                names: [
                    .uniformResourceIdentifier(Self.hostPrefix + host.description),
                    .uniformResourceIdentifier(
                        Self.credentialPrefix + String(decoding: entry.value.prefix(16), as: UTF8.self)),
                ],
                usage: .clientAuth, seconds: lifetime,
                now: Date(timeIntervalSince1970: Double(now.milliseconds) / 1000))
            return HostCertificate(
                certificate: try certificate.serializeAsPEM().pemString + "\n", trust: try files.trust(shown: shown()),
                expires: Timestamp(certificate.notValidAfter))
        } catch { throw .noAuthority("\(error)") }
    }

    /// The key that a request is for, if it is signed with it.
    private static func key(of request: String) throws(CertificationRefusal) -> Certificate.PublicKey {
        guard request.utf8.count <= 16_384 else { throw .malformed("must be at most 16384 bytes") }
        let parsed: CertificateSigningRequest
        do { parsed = try CertificateSigningRequest(pemEncoded: request) } catch {
            throw .malformed("must be a certificate request (RFC 2986) in PEM: \(error)")
        }
        guard P256.Signing.PublicKey(parsed.publicKey) != nil || P384.Signing.PublicKey(parsed.publicKey) != nil else {
            throw .malformed("must be for a key on P-256 or P-384")
        }
        guard parsed.publicKey.isValidSignature(parsed.signature, for: parsed) else {
            throw .malformed("must be signed with its own key")
        }
        return parsed.publicKey
    }

    /// Takes a certificate in the place of a credential.
    package func check(_ request: CheckedRequest, now: Timestamp) async throws(StoreError) -> Verdict {
        guard let certificates = request.certificates else { return .pass }
        switch try judge(certificates) {
        case .foreign: return .pass
        case .refused(let reason): return .deny(reason)
        case .trusted(let holder): return try await verdict(on: holder, request, now)
        }
    }

    /// The host that the connection's certificate is for, whether or not it is still good; nil without one.
    func host(of certificates: any ShownCertificates) throws(StoreError) -> ResourceID? {
        guard case .trusted(let holder) = try judge(certificates) else { return nil }
        return Self.value(Self.hostPrefix, holder).flatMap { ResourceID($0) }
    }

    private func verdict(
        on holder: CertificateHolder, _ request: CheckedRequest, _ now: Timestamp
    ) async throws(StoreError) -> Verdict {
        guard let text = Self.value(Self.hostPrefix, holder), let id = ResourceID(text),
            let credential = Self.value(Self.credentialPrefix, holder)
        else { return .deny("the certificate names no host") }
        guard now >= holder.begins else {
            return .deny("the host's certificate is valid from \(holder.begins) on: compare the clocks")
        }
        // Who has a host's key can have a new certificate too: what ends its open stream is that the credential is
        // replaced or the host deleted, which is looked at here each time, and not that a certificate has aged.
        guard now < holder.ends || request.isOngoing else {
            return .deny(
                "the host's certificate has expired at \(holder.ends): its agent gets a new one by its credential")
        }
        let principal = try await known.principal("certificate/\(id)/\(credential)") { () throws(StoreError) in
            guard let entry = try await store.get(TokenAuthenticator.host(id)).entry,
                String(decoding: entry.value.prefix(16), as: UTF8.self) == credential
            else { return nil }
            return .host(id)
        }
        guard let principal else {
            return .deny("the host of this certificate was deleted, or its credential was replaced")
        }
        return .allow(principal)
    }

    private func judge(_ certificates: any ShownCertificates) throws(StoreError) -> CertificateJudgement {
        let authority: Authority
        do { authority = try files.authority() } catch {
            throw StoreError(.unavailable, operation: "check", cause: "the authority's certificate cannot be read")
        }
        let judge = "hosts/" + AuthorityFiles.judge(authority)
        if let known = certificates.judgement(of: judge) { return known }
        let judgement = Self.judgement(certificates.chain.first ?? [], authority)
        certificates.keep(judgement, of: judge)
        return judgement
    }

    private static func judgement(_ der: [UInt8], _ authority: Authority) -> CertificateJudgement {
        // What cannot be read is no certificate of this authority.
        guard let certificate = try? Certificate(derEncoded: der), authority.hasSigned(certificate) else {
            return .foreign
        }
        // A usage that cannot be read allows nothing.
        guard let usage = try? certificate.extensions.extendedKeyUsage, usage.contains(.clientAuth) else {
            return .refused("the certificate is not one for clients")
        }
        return .trusted(CertificateHolder(certificate))
    }

    private static func value(_ prefix: String, _ holder: CertificateHolder) -> String? {
        let found = holder.names.filter { $0.hasPrefix("uri:" + prefix) }
        return found.count == 1 ? String(found[0].dropFirst(prefix.utf8.count + 4)) : nil
    }
}

extension CertificateHolder {
    init(_ certificate: Certificate) {
        // Names that cannot be read are none.
        let alternatives = (try? certificate.extensions.subjectAlternativeNames) ?? SubjectAlternativeNames()
        let names = alternatives.compactMap { name -> String? in
            switch name {
            case .uniformResourceIdentifier(let text): "uri:" + text
            case .rfc822Name(let text): "email:" + text
            case .dnsName(let text): "dns:" + text
            default: nil
            }
        }
        let common = certificate.subject.flatMap(\.self).filter { $0.type == .RDNAttributeType.commonName }
        self.init(
            commonName: common.count == 1 ? String(common[0].value) : nil, names: names,
            begins: Timestamp(certificate.notValidBefore), ends: Timestamp(certificate.notValidAfter))
    }
}
