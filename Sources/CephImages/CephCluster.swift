import ComputePorts
import FoundationEssentials
import LinuxProcesses

/// One cluster as this process sees it: two clients, so that looking never waits behind what takes long.
///
/// librbd's calls block and cannot be cancelled; each has a deadline.
package final class CephCluster: Sendable {
    package let place: CephPlace
    /// Of this process: leases bear it.
    let cookie = UUID().uuidString
    private let looking: DeadlineThread<CephSession>
    private let working: DeadlineThread<CephSession>

    /// - Parameter deadline: of a call that looks; one that works may take three times as long.
    package init(_ place: CephPlace, deadline: Duration = .seconds(20)) {
        self.place = place
        let patience = max(1, Int(deadline / .seconds(1)) * 3 / 4)
        let open = { @Sendable in CephSession(place, patience: patience) }
        looking = DeadlineThread("ceph", deadline: deadline, open: open)
        working = DeadlineThread("ceph-work", deadline: deadline * 3, open: open)
    }

    func look<Value: Sendable>(
        _ operation: String, _ subject: String, _ body: @escaping @Sendable (CephPool) throws(CephFailure) -> Value
    ) async throws(CephFailure) -> Value {
        try await looking.call(
            late: { .late(operation, subject, $0) },
            { session throws(CephFailure) in try session.use(body) })
    }

    func work<Value: Sendable>(
        _ operation: String, _ subject: String, _ body: @escaping @Sendable (CephPool) throws(CephFailure) -> Value
    ) async throws(CephFailure) -> Value {
        try await working.call(
            late: { .late(operation, subject, $0) },
            { session throws(CephFailure) in try session.use(body) })
    }

    /// All of the cluster's room, in KiB; 0 while no manager of it has counted.
    func size() async throws(CephFailure) -> UInt64 {
        try await looking.call(
            late: { .late("measure", "the cluster", $0) },
            { session throws(CephFailure) in try session.size() })
    }
}
