package import Resources

/// What a client has shown of certificates when its connection began (RFC 8446 section 4.4.2). It has proved that it holds
/// the key of the first of them; nothing else about them was checked: that is a checker's.
///
/// Keeps what a checker found, so that signatures are checked once on a connection and not with every request.
/// Concurrency: called from any task at any time.
package protocol ShownCertificates: Sendable {
    /// DER, the client's own first.
    var chain: [[UInt8]] { get }
    /// What was kept for that judge; nil for nothing.
    func judgement(of judge: String) -> CertificateJudgement?
    /// - Parameter judge: who trusts it, with what: another authority is another judge.
    func keep(_ judgement: CertificateJudgement, of judge: String)
}

/// What an authority has to say about a certificate. Says nothing about now: who asks compares the times.
package enum CertificateJudgement: Hashable, Sendable {
    case trusted(CertificateHolder)
    /// Signed by nobody whom the judge knows: another one may.
    case foreign
    /// Why not, for the client.
    case refused(String)
}

/// Whose certificate it is.
package struct CertificateHolder: Hashable, Sendable {
    /// The common name of the subject; nil without one, and with several.
    package var commonName: String?
    /// Of the subject's alternative names, each with its type before it: `uri:…`, `email:…`, `dns:…`.
    package var names: [String]
    package var begins: Timestamp
    package var ends: Timestamp

    package init(commonName: String?, names: [String], begins: Timestamp, ends: Timestamp) {
        self.commonName = commonName
        self.names = names
        self.begins = begins
        self.ends = ends
    }
}
