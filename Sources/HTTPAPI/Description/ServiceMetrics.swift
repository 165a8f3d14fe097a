import HTTPServing
import NetworkService
import Resources

extension MetricsPage {
    /// What the network counts.
    mutating func add(_ service: NetworkService) {
        family("kc_cache_revision", "gauge", "The revision of the store that reads show.")
        sample("kc_cache_revision", [], Double(service.cache.revision.value))
        family("kc_cache_synced", "gauge", "1 while the cache follows the store.")
        sample("kc_cache_synced", [], service.cache.isSynced ? 1 : 0)
        family("kc_resources", "gauge", "Resources by kind.")
        let counts = service.cache.counts
        for kind in Kind.allCases { sample("kc_resources", [("kind", kind.rawValue)], Double(counts[kind] ?? 0)) }
        let hosts = service.cache.hostsUp
        family("kc_hosts", "gauge", "Hosts by whether their agent is there.")
        sample("kc_hosts", [("phase", "up")], Double(hosts.up))
        sample("kc_hosts", [("phase", "down")], Double(hosts.all - hosts.up))
        let store = service.measures.values
        family("kc_store_commits_lost_total", "counter", "Transactions whose conditions did not hold.")
        sample("kc_store_commits_lost_total", [], Double(store.lost))
        family("kc_store_commit_failures_total", "counter", "Transactions the store could not do.")
        sample("kc_store_commit_failures_total", [], Double(store.failures))
        family("kc_store_commit_seconds", "histogram", "Time of a transaction.")
        var previous: UInt64 = 0
        let counted = store.buckets.map { bucket in
            defer { previous = bucket }
            return bucket - previous
        }
        histogram(
            "kc_store_commit_seconds", [], bounds: StoreMeasures.bounds, counts: counted, sum: store.seconds,
            count: store.commits)
    }
}
