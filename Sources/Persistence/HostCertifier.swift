package import Resources

/// Gives hosts the certificates with which their agents prove themselves in TLS.
package protocol HostCertifier: Sendable {
    /// A certificate for the host, whatever name the request carries.
    /// - Parameter request: PKCS#10 (RFC 2986) in PEM, signed with the key that it is for.
    func certify(
        _ host: ResourceID, request: String, now: Timestamp
    ) async throws(CertificationRefusal) -> HostCertificate
}

package struct HostCertificate: Hashable, Sendable {
    /// PEM.
    package var certificate: String
    /// PEM of every certificate that the host must trust the API by from now on, and of no other.
    package var trust: String
    package var expires: Timestamp

    package init(certificate: String, trust: String, expires: Timestamp) {
        self.certificate = certificate
        self.trust = trust
        self.expires = expires
    }
}

package enum CertificationRefusal: Error, Hashable, Sendable {
    /// What is wrong with the request.
    case malformed(String)
    /// The host has no credential to which the certificate could be bound.
    case noCredential
    /// The server has no authority, or one without its key; why.
    case noAuthority(String)
    /// The store cannot be asked.
    case unavailable(String)
}
