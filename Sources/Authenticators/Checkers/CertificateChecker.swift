import Crypto
package import Persistence
package import Resources
import SwiftASN1
import X509

/// People (and programs) with certificates of an operator's authority, shown in TLS: a name in the certificate is the user's.
///
/// The chain is checked once on a connection (RFC 5280), with what the client sent along; its end counts with each request. The
/// file of authorities is read again when it has changed: who was let in by one that is not in it any more is refused by the
/// next request.
package final class CertificateChecker: Checker {
    /// Where in the certificate the user's name stands.
    package enum Field: String, Sendable, CaseIterable {
        /// The common name of the subject.
        case commonName
        /// Of the subject's alternative names, the only one of its type.
        case email, dns, uri
    }

    private struct Roots: Sendable {
        var certificates: [Certificate]
        /// Says which judge kept something: with other authorities it is another one.
        var digest: String
    }

    private let file: WatchedFile<Roots>
    private let field: Field
    private let grants: [String: Grants]

    /// - Parameters:
    ///   - path: PEM of the authorities.
    ///   - field: what the keys of `grants` are.
    /// - Throws: when the file holds no certificates now.
    package init(
        path: String, field: Field, grants: [String: Grants],
        report: @escaping @Sendable (CheckerFailure) -> Void = { _ in }
    ) throws(CheckerFailure) {
        self.field = field
        self.grants = grants
        file = WatchedFile(path, report) { bytes throws(CheckerFailure) in
            do {
                let certificates = try PEMDocument.parseMultiple(pemString: String(decoding: bytes, as: UTF8.self)).map
                {
                    try Certificate(pemDocument: $0)
                }
                guard !certificates.isEmpty else { throw CheckerFailure(path, "has no certificate") }
                return Roots(certificates: certificates, digest: Secret.hex(SHA256.hash(data: bytes)))
            } catch { throw CheckerFailure(path, "must be certificates of authorities in PEM: \(error)") }
        }
        _ = try file.content()
    }

    package var challenge: String? { nil }

    package func check(_ request: CheckedRequest, now: Timestamp) async throws(StoreError) -> Verdict {
        // A header is somebody else's to judge.
        guard request.authorization == nil, let certificates = request.certificates else { return .pass }
        let roots = try file.checked()
        let judge = "people/\(file.path)/\(roots.digest)"
        let judgement: CertificateJudgement
        if let known = certificates.judgement(of: judge) {
            judgement = known
        } else {
            judgement = await ClientChain(certificates.chain)?.judgement(roots.certificates, now: now) ?? .foreign
            certificates.keep(judgement, of: judge)
        }
        switch judgement {
        case .foreign: return .pass
        case .refused(let reason): return .deny(reason)
        case .trusted(let holder): return verdict(on: holder, now)
        }
    }

    private func verdict(on holder: CertificateHolder, _ now: Timestamp) -> Verdict {
        guard now < holder.ends else {
            return .deny("the certificate has expired at \(holder.ends): connect with a new one")
        }
        guard let name = name(in: holder) else {
            return .deny("the certificate has not exactly one \(field.rawValue) that could be a user's name")
        }
        guard let grants = grants[name] else { return .deny("the holder of the certificate has no role") }
        return .allow(.identity(Identity(name: "user/\(name)", grants: grants, expires: holder.ends)))
    }

    private func name(in holder: CertificateHolder) -> String? {
        let names: [String]
        switch field {
        case .commonName: names = [holder.commonName].compactMap(\.self)
        case .email, .dns, .uri:
            let prefix = field.rawValue + ":"
            names = holder.names.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.utf8.count)) }
        }
        guard names.count == 1, let name = names.first, (1...255).contains(name.utf8.count),
            name.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7f })
        else { return nil }
        return name
    }
}
