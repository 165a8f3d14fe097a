import CRBD
import Glibc
import LinuxProcesses

/// One client of a cluster, and its way into one pool: opened when it is needed, and again when it is lost. Used on one
/// thread alone.
final class CephSession: ThreadState {
    private let place: CephPlace
    /// How long the cluster may take to let a client in, in seconds.
    private let patience: Int
    private var cluster: rados_t?
    private var pool: rados_ioctx_t?

    var watched: [Int32] { [] }
    func isReady(_ descriptor: Int32) {}
    var deadline: ContinuousClock.Instant? { nil }
    func deadlineIsOver() {}

    init(_ place: CephPlace, patience: Int) {
        self.place = place
        self.patience = patience
    }

    deinit { close() }

    /// Runs `body` with the pool; a connection that fails is given up.
    func use<Value>(_ body: (CephPool) throws(CephFailure) -> Value) throws(CephFailure) -> Value {
        let library = try CephLibrary.opened.get()
        do throws(CephFailure) {
            return try body(CephPool(call: library.call, pool: try opened(library.call)))
        } catch {
            if error.endsConnection { close() }
            throw error
        }
    }

    /// All of the cluster's room, in KiB.
    func size() throws(CephFailure) -> UInt64 {
        let call = try CephLibrary.opened.get().call
        _ = try opened(call)
        var numbers = rados_cluster_stat_t()
        try CephFailure.check(call.rados_cluster_stat(cluster, &numbers), "measure", "the cluster")
        return numbers.kb
    }

    private func opened(_ call: crbd) throws(CephFailure) -> rados_ioctx_t {
        if let pool { return pool }
        do throws(CephFailure) {
            try CephFailure.check(call.rados_create(&cluster, place.user), "make a client of", place.user)
            try CephFailure.check(
                call.rados_conf_read_file(cluster, place.configuration), "read", place.configuration)
            let settings = [
                ("client_mount_timeout", "\(patience)"), ("rados_mon_op_timeout", "\(patience)"),
                ("log_to_stderr", "false"), ("err_to_stderr", "false"), ("admin_socket", ""), ("log_file", ""),
            ]
            for (name, value) in settings {
                try CephFailure.check(call.rados_conf_set(cluster, name, value), "set", name)
            }
            try connected(call.rados_connect(cluster))
            var pool: rados_ioctx_t?
            try CephFailure.check(call.rados_ioctx_create(cluster, place.pool, &pool), "open pool", place.pool)
            guard let pool else { throw CephFailure(EIO, "open pool", place.pool, cause: "no pool was given") }
            self.pool = pool
            return pool
        } catch {
            close()
            throw error
        }
    }

    /// What the numbers of a refused connection mean is not what they say.
    private func connected(_ result: Int32) throws(CephFailure) {
        let cause: String? =
            switch -result {
            case ENOENT:
                "there is no key of client.\(place.user) where 'keyring' says, or none that this program may read"
            case EACCES, EPERM: "the monitors do not know the key of client.\(place.user), or let it do nothing"
            default: nil
            }
        if let cause { throw CephFailure(-result, "connect by", place.configuration, cause: cause) }
        try CephFailure.check(result, "connect as client.\(place.user) by", place.configuration)
    }

    private func close() {
        guard case .success(let library) = CephLibrary.opened else { return }
        if let pool {
            library.call.rados_ioctx_destroy(pool)
            // librbd leaves work on the client's threads when a call returns, and librados 16 ends them without waiting for it: once
            // in some twenty runs of the tests that was std::terminate.
            usleep(300_000)
        }
        if let cluster { library.call.rados_shutdown(cluster) }
        pool = nil
        cluster = nil
    }
}

/// Where a cluster is, and who comes to it.
package struct CephPlace: Hashable, Sendable {
    package let pool: String
    /// Without "client.".
    package let user: String
    /// The path of Ceph's own file.
    package let configuration: String

    package init(pool: String, user: String, configuration: String) {
        self.pool = pool
        self.user = user
        self.configuration = configuration
    }
}
