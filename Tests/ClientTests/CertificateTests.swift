import APIClient
import Crypto
import Foundation
import NIOSSL
import NetworkModel
import SwiftASN1
import Testing
import X509

/// A self-signed certificate for a name that no test connects to.
private struct Identity {
    let certificate: NIOSSLCertificate
    let tls: TLSConfiguration
    let fingerprint: String

    init() throws {
        let key = P256.Signing.PrivateKey()
        let name = try DistinguishedName { CommonName("somewhere-else") }
        let certificate = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: .init(key.publicKey), notValidBefore: .now - 60,
            notValidAfter: .now + 3600, issuer: name, subject: name, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try .init { Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil)) },
            issuerPrivateKey: .init(key))
        self.certificate = try NIOSSLCertificate(
            bytes: Array(certificate.serializeAsPEM().pemString.utf8), format: .pem)
        tls = .makeServerConfiguration(
            certificateChain: [.certificate(self.certificate)],
            privateKey: .privateKey(try .init(bytes: Array(key.pemRepresentation.utf8), format: .pem)))
        fingerprint = SHA256.hash(data: try self.certificate.toDERBytes()).map {
            ($0 < 16 ? "0" : "") + String($0, radix: 16)
        }.joined()
    }
}

@Suite struct `Pinned certificate` {
    private let segments = ResourceCollection(Segment.kind, project: "default")

    @Test func `the first contact takes the certificate with the right fingerprint, and a client trusts it alone`()
        async throws
    {
        let mine = try Identity()
        let other = try Identity()
        try await ScriptedServer.with(tls: mine.tls) { _ in
            .json(#"{"kind":"segmentList","items":[]}"#)
        } _: { server in
            let endpoint = try Endpoint(parsing: "https://[::1]:\(server.port)")
            let pem = try await FirstContact.fetchCertificate(endpoint, fingerprint: mine.fingerprint)
            #expect(try NIOSSLCertificate.fromPEMBytes(Array(pem.utf8)) == [mine.certificate])

            let client = try APIClient(endpoint: endpoint, certificate: pem)
            #expect(try await client.list(segments).isEmpty)
            await client.shutdown()

            let wrong = try APIClient(
                endpoint: endpoint,
                certificate:
                    "-----BEGIN CERTIFICATE-----\n\(Data(other.certificate.toDERBytes()).base64EncodedString())\n"
                    + "-----END CERTIFICATE-----\n")
            let failure = await #expect(throws: APIFailure.self) { try await wrong.list(segments) }
            #expect(failure?.code == .notTrusted)
            await wrong.shutdown()

            let system = try APIClient(endpoint: endpoint)
            let untrusted = await #expect(throws: APIFailure.self) { try await system.list(segments) }
            #expect(untrusted?.code == .notTrusted)
            await system.shutdown()
        }
    }

    @Test func `another fingerprint is refused`() async throws {
        let mine = try Identity()
        let other = try Identity()
        try await ScriptedServer.with(tls: mine.tls) { _ in
            .json("{}")
        } _: { server in
            let endpoint = try Endpoint(parsing: "https://[::1]:\(server.port)")
            let failure = await #expect(throws: APIFailure.self) {
                try await FirstContact.fetchCertificate(endpoint, fingerprint: other.fingerprint)
            }
            #expect(failure?.code == .notTrusted)
        }
    }

    @Test(arguments: ["", "12", String(repeating: "g", count: 64), String(repeating: "a", count: 63)])
    func `what is no fingerprint is refused before a connection`(text: String) async throws {
        let endpoint = try Endpoint(parsing: "https://[::1]:1")
        let failure = await #expect(throws: APIFailure.self) {
            try await FirstContact.fetchCertificate(endpoint, fingerprint: text)
        }
        #expect(failure?.code == .badEndpoint)
    }

    @Test func `a server without TLS and a port without a server are told apart`() async throws {
        let fingerprint = String(repeating: "a", count: 64)
        let port = try await ScriptedServer.with { _ in
            .json("{}")
        } _: { server in
            let endpoint = try Endpoint(parsing: "https://[::1]:\(server.port)")
            // The server waits for a request that never comes.
            let failure = await #expect(throws: APIFailure.self) {
                try await FirstContact.fetchCertificate(
                    endpoint, fingerprint: fingerprint, timeout: .milliseconds(100))
            }
            #expect(failure?.code == .timedOut)
            return server.port
        }
        let failure = await #expect(throws: APIFailure.self) {
            try await FirstContact.fetchCertificate(
                Endpoint(parsing: "https://[::1]:\(port)"), fingerprint: fingerprint)
        }
        #expect(failure?.code == .unreachable)
    }
}
