package import Persistence
import Resources

extension EtcdStore {
    /// etcd counts in seconds, and makes no lease shorter than one and a half elections (two seconds by default): a lease
    /// lasts as long as asked for or longer.
    package func grantLease(ttl: Duration) async throws(StoreError) -> LeaseID {
        try StoreLimits.check(ttl: ttl)
        let seconds = ttl.components.seconds + (ttl.components.attoseconds > 0 ? 1 : 0)
        let question = JSONWriter.document { $0.number("TTL", max(1, seconds)) }
        // Made twice, the one that nobody knows of ends by itself.
        let answer = try await gateway.ask("lease/grant", operation: "grant lease") { _ in question }
        let id = answer.number("ID")
        guard id != 0 else {
            throw StoreError(.unavailable, operation: "grant lease", cause: "etcd gave no lease")
        }
        return LeaseID(id)
    }

    package func renewLease(_ lease: LeaseID) async throws(StoreError) {
        let question = JSONWriter.document { $0.number("ID", lease.value) }
        let answer = try await gateway.ask("lease/keepalive", operation: "renew lease") { _ in question }
        guard let result = answer["result"], result.number("TTL") > 0 else {
            throw StoreError(
                .leaseNotFound, operation: "renew lease", cause: "lease \(lease.value) has ended or never was")
        }
    }

    package func revokeLease(_ lease: LeaseID) async throws(StoreError) {
        let question = JSONWriter.document { $0.number("ID", lease.value) }
        var mayBeDone = false
        do throws(StoreError) {
            _ = try await gateway.ask("lease/revoke", operation: "revoke lease") { isRepeat in
                mayBeDone = isRepeat
                return question
            }
        } catch {
            if error.code == .leaseNotFound, mayBeDone { return }
            throw error
        }
    }
}
