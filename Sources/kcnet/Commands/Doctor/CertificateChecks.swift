import APIClient
import Commands
import Diagnosis
import Documents
import Glibc
import Resources

/// Looks at the certificates between this machine and the API: on a host at its agent's, else at this command's own.
enum CertificateChecks {
    /// Of the agent (docs/node.md).
    private static let stateFolder = "/var/lib/kc/node"

    static func all(_ session: Session) async -> [Finding] {
        var endpoint = session.settings.endpoint
        var pins = session.settings.certificate
        var own: CertificateCheck.Life?
        if let text = ProcFile.text(stateFolder + "/api.json") {
            // A file that cannot be read the agent complains of.
            let node = try? JSONParser.parse(Array(text.utf8))
            if let url = node?["url"]?.string, let joined = try? Endpoint(parsing: url) {
                endpoint = joined
                pins = node?["certificate"]?.string
            }
            own = ProcFile.text(stateFolder + "/host-key.pem").flatMap { CertificateFacts.all(inPEM: $0).first }.map(
                life)
        }
        guard case .encrypted(let authority) = endpoint.transport else { return [] }
        let chain: [CertificateFacts]
        do { chain = try await FirstContact.shownCertificates(endpoint).compactMap { CertificateFacts(der: $0) } } catch
        {
            return [
                Finding(
                    .warn, "certificate", "not looked at: \(error.cause)", why: "no TLS came about with \(endpoint)",
                    next: error.advice)
            ]
        }
        guard let shown = chain.first else { return [] }
        let trusted = pins.map { CertificateFacts.all(inPEM: $0) }
        let host = authority.hasPrefix("[") ? authority.prefix { $0 != "]" } : authority.prefix { $0 != ":" }
        let check = CertificateCheck(
            server: .init(
                life: life(shown), isNamed: shown.isFor(String(host)),
                isPinned: trusted.map { pins in
                    pins.contains { pin in way(up: chain).contains { pin.vouches(for: $0) } }
                }),
            endpoint: endpoint.description, pins: (trusted ?? []).map(life), own: own)
        return check.checks(now: .now).map(Finding.init)
    }

    /// The server's own certificate, and of what it sends along whatever vouches for the one before.
    private static func way(up chain: [CertificateFacts]) -> [CertificateFacts] {
        chain.reduce(into: []) { way, next in
            if way.last.map({ next.vouches(for: $0) }) ?? true { way.append(next) }
        }
    }

    private static func life(_ facts: CertificateFacts) -> CertificateCheck.Life {
        CertificateCheck.Life(begins: facts.begins, ends: facts.ends)
    }
}
