import HTTPServing
import Hummingbird
import NetworkModel
import NetworkService
import Persistence
import Resources

/// `POST /v1/hosts/{host}/certificate`: where an agent gets the certificate with which it proves itself in TLS.
struct CertificateRoute: Sendable {
    let service: NetworkService
    let certifier: (any HostCertifier)?
    /// Signing costs more than most requests, and a host needs it once in days.
    let pace = RequestPace(burst: 5, perSecond: 1)

    var route: Route {
        Route(
            method: .post, path: "/v1/hosts/{host}/certificate", operation: "certifyHost",
            summary: "Gives a host a certificate for a key of its own, and says by what it must trust the API.",
            access: .hostItself, body: .named("CertificateRequest"), maximumBody: 65_536, status: .created,
            answer: .named("HostCertificate")
        ) { request throws(Problem) in
            let host = try await service.find(.host, request.value("host"))
            try pace.admit(RequestPace.Key(host: host.id, subject: host.id))
            let text: String
            do {
                var reader = try FieldReader(try request.document(), path: "")
                text = try reader.required("request")
                try reader.finish()
            } catch { throw Problem(reading: error) }
            let certificate = try await certify(host, text)
            var writer = JSONWriter()
            writer.object { writer in
                writer.member("certificate", certificate.certificate)
                writer.member("trust", certificate.trust)
                writer.member("expires", certificate.expires)
            }
            return .json(writer.bytes)
        }
    }

    private func certify(_ host: Item, _ text: String) async throws(Problem) -> HostCertificate {
        guard let certifier else {
            throw Problem(.conflict, "this server has no authority for certificates: it serves nothing with TLS")
        }
        do { return try await certifier.certify(host.id, request: text, now: .now) } catch {
            switch error {
            case .malformed(let rule): throw Problem(field: "request", value: String(text.prefix(64)), rule: rule)
            case .noCredential:
                throw Problem(
                    .conflict, "the host \(host.name) has no credential yet: POST /v1/hosts/\(host.name)/credential")
            case .noAuthority(let why): throw Problem(.unavailable, "no certificate can be made: \(why)")
            case .unavailable(let why): throw Problem(.unavailable, why)
            }
        }
    }
}
