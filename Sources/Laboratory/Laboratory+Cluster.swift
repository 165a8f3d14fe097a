package import Resources

/// A control plane on several machines.
extension Laboratory {
    /// Where etcd is asked, and where its members talk to each other.
    private static let (clientPort, memberPort) = (2379, 2380)

    /// Keys and certificates of etcd: those who speak with it, members and servers of the API, prove themselves.
    private var etcdTrust: String { "\(state.directory)/etcd-tls" }

    /// Every server of the API, in one address for agents and commands.
    package var apiAddress: String {
        let places = [topology.api.address] + (topology.cluster?.servers.map(\.address) ?? [])
        return places.map { "https://[\($0)]:\(topology.api.port)" }.joined(separator: ",")
    }

    /// The machines that run the API, the first one first.
    package var apiMachines: [Name] {
        [Name(Topology.apiMachine)].compactMap(\.self) + (topology.cluster?.servers.map(\.name) ?? [])
    }

    /// What the API's servers are told of their store.
    var storeArguments: [String] {
        guard let cluster = topology.cluster else { return [] }
        let members = cluster.members.flatMap { ["--etcd", "https://[\($0.address)]:\(Self.clientPort)"] }
        return ["--store", "etcd"] + members + [
            "--etcd-ca", "\(etcdTrust)/ca.pem", "--etcd-cert", "\(etcdTrust)/member.pem", "--etcd-key",
            "\(etcdTrust)/member.key",
        ]
    }

    /// Starts every member; they find each other by themselves.
    func startEtcd(progress: Progress) async throws(LaboratoryError) {
        guard let cluster = topology.cluster else { return }
        try await makeEtcdTrust(cluster)
        let all = cluster.members.map { "\($0.name)=https://[\($0.address)]:\(Self.memberPort)" }
        for member in cluster.members {
            let (client, peer) = (
                "https://[\(member.address)]:\(Self.clientPort)", "https://[\(member.address)]:\(Self.memberPort)"
            )
            let pem = ["cert-file": "member.pem", "key-file": "member.key", "trusted-ca-file": "ca.pem"]
            let trust = pem.sorted { $0.key < $1.key }.flatMap { name, file in
                ["--\(name)", "\(etcdTrust)/\(file)", "--peer-\(name)", "\(etcdTrust)/\(file)"]
            }
            try machine(member.name).start(
                role: "etcd", "etcd",
                [
                    "--name", member.name.text, "--data-dir", "/var/lib/kc/etcd", "--listen-client-urls", client,
                    "--advertise-client-urls", client, "--listen-peer-urls", peer, "--initial-advertise-peer-urls",
                    peer, "--initial-cluster", all.joined(separator: ","), "--initial-cluster-token",
                    state.instance.text, "--client-cert-auth", "--peer-client-cert-auth", "--max-txn-ops", "20000",
                    "--max-request-bytes", "50331648",
                    "--logger", "zap", "--log-level", "error",
                ] + trust)
        }
        progress("etcd: \(cluster.members.map(\.name.text).joined(separator: ", "))")
    }

    /// An authority, and one certificate for all: in a laboratory everybody is root of everything.
    private func makeEtcdTrust(_ cluster: ControlCluster) async throws(LaboratoryError) {
        try makeFolder(etcdTrust)
        let names = cluster.members.map { "IP:\($0.address)" }.joined(separator: ",")
        try writeText(
            "subjectAltName=\(names)\nextendedKeyUsage=serverAuth,clientAuth\n", to: "\(etcdTrust)/names")
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        func openssl(_ arguments: [String]) async throws(LaboratoryError) {
            try await Command("env", ["-C", etcdTrust, "openssl"] + arguments).check("make", "certificates of etcd")
        }
        try await openssl(
            ["req", "-x509"] + key + ["-keyout", "ca.key", "-out", "ca.pem", "-days", "30", "-subj", "/CN=laboratory"])
        try await openssl(["req"] + key + ["-keyout", "member.key", "-out", "member.csr", "-subj", "/CN=member"])
        try await openssl([
            "x509", "-req", "-in", "member.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30",
            "-extfile", "names", "-out", "member.pem",
        ])
    }

    /// Servers of one cluster share the authority that hosts trust: the first one has made it.
    func shareAuthority(with name: Name) async throws(LaboratoryError) {
        let first = try machine(named: Topology.apiMachine)
        let other = try machine(name)
        try makeFolder("\(other.directory)/lib/tls")
        try await Command(
            "cp",
            [
                "-p", "\(first.directory)/lib/tls/ca.pem", "\(first.directory)/lib/tls/ca-key.pem",
                "\(other.directory)/lib/tls",
            ]
        ).check("share", "the authority with \(name)")
    }
}
