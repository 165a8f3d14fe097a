import ArgumentParser
import CephImages
import ComputePlanning
import DomainXML
import Resources

/// Where Ceph is, for both halves of the program.
struct CephOptions: ParsableArguments {
    @Option(help: "A pool of Ceph for images and disks, instead of files; it must be KC's alone. Needs librbd1.")
    var cephPool: String?

    @Option(help: "Ceph's own file, with its monitors.")
    var cephConf = "/etc/ceph/ceph.conf"

    @Option(help: "The user of Ceph, without 'client.'; its keyring is where Ceph looks for it.")
    var cephUser = "admin"

    func validate() throws {
        guard cephPool != nil else { return }
        guard HostPath(cephConf) != nil else {
            throw ValidationError("--ceph-conf '\(cephConf)' must be an absolute path without . and ..")
        }
    }

    /// nil without a pool.
    func cluster() -> CephCluster? {
        cephPool.map { CephCluster(CephPlace(pool: $0, user: cephUser, configuration: cephConf)) }
    }

    func place(host: String, secret: ResourceID?) throws -> RBDPlace? {
        guard let pool = cephPool, let path = HostPath(cephConf) else { return nil }
        guard
            let place = RBDPlace(
                pool: pool, configuration: path, user: cephUser, secret: secret, host: host)
        else {
            throw Failure(
                "--ceph-pool '\(pool)' and --ceph-user '\(cephUser)' must be 1 to 128 letters, digits, '_', '-' and '.', "
                    + "--host '\(host)' a name or id; a user other than admin needs --ceph-secret, libvirt's secret with "
                    + "its key")
        }
        return place
    }
}
