import NIOSSL

/// Where an etcd cluster is, who asks it, and how long it is waited for.
package struct EtcdOptions: Sendable {
    /// Members of one cluster; the first that answers is asked.
    package var endpoints: [EtcdEndpoint]
    /// What every key in etcd begins with: nothing outside of it is read or written.
    package var prefix: String
    /// For endpoints with https; nil for TLS with the system's authorities.
    private(set) var tls: TLSConfiguration?
    package var user: User?
    /// Until a read or a write is given up, over all attempts. An election of a new leader takes one to two seconds.
    package var patience = Duration.seconds(10)
    /// Until another member is asked. A transaction gets a second more for each 2 MiB.
    package var attempt = Duration.seconds(3)
    /// Bytes of keys and values that may wait for one consumer of a watch before it is cut off with `.slowConsumer`.
    package var watchBufferBytes = 16 << 20
    /// After how long a silence of a watch its member is asked whether it still is one of the cluster.
    package var silence = Duration.seconds(2)
    /// For how long a watch may be without a member before it ends with `.unavailable`.
    package var staleness = Duration.seconds(5)
    /// After how long a watch ends, so that its consumer lists again and compares: etcd 3.4 has lost events of watches
    /// (https://github.com/etcd-io/etcd, issues 17529, 18089 and 19179).
    package var comparison = Duration.seconds(600)

    /// A user of etcd's own authentication.
    package struct User: Sendable {
        package var name: String
        package var password: String

        package init(name: String, password: String) {
            self.name = name
            self.password = password
        }
    }

    /// - Throws: `.invalid` for a prefix that is no path, or no endpoints.
    package init(endpoints: [EtcdEndpoint], prefix: String = "/kc") throws(EtcdOptionError) {
        guard !endpoints.isEmpty, endpoints.count <= 16 else {
            throw EtcdOptionError(option: "endpoints", rule: "must be 1 to 16 addresses, not \(endpoints.count)")
        }
        guard prefix.hasPrefix("/"), !prefix.hasSuffix("/"), (2...128).contains(prefix.utf8.count),
            prefix.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
        else {
            throw EtcdOptionError(
                option: "prefix", value: prefix,
                rule: "must be a path like /kc: 2 to 128 visible ASCII characters, '/' first and not last")
        }
        self.endpoints = endpoints
        self.prefix = prefix
    }

    /// Trusts the members by `authority` alone, and shows them a certificate where they ask for one.
    /// - Parameters: files in PEM; `certificate` with its key, or neither.
    package mutating func useTLS(authority: String?, certificate: String?, key: String?) throws(EtcdOptionError) {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        if let authority {
            do { configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(authority)) } catch {
                throw EtcdOptionError(
                    option: "authority", value: authority, rule: "must be certificates in PEM (\(error))")
            }
        }
        guard (certificate == nil) == (key == nil) else {
            throw EtcdOptionError(option: "certificate", rule: "needs its key, and the key its certificate")
        }
        if let certificate, let key {
            do {
                configuration.certificateChain = try NIOSSLCertificate.fromPEMFile(certificate).map { .certificate($0) }
                configuration.privateKey = .privateKey(try NIOSSLPrivateKey(file: key, format: .pem))
                // Says whether the key is the certificate's.
                _ = try NIOSSLContext(configuration: configuration)
            } catch {
                throw EtcdOptionError(
                    option: "certificate", value: certificate,
                    rule: "must be in PEM, and go with its key \(key) (\(error))")
            }
        }
        tls = configuration
    }
}
