import EtcdStore
import StoreContract
import Testing

/// Several etcd at a time, each with a share of the clauses: they wait for the disk more than they work.
@Suite struct EtcdStoreContractTests {
    static let shares = 4

    @Test(arguments: 0..<shares)
    func `the store of a cluster keeps the contract`(share: Int) async throws {
        try await TestEtcd.with { etcd in
            for (number, clause) in StoreContract.clauses.enumerated() where number % Self.shares == share {
                let store = try etcd.store { options in
                    options.prefix = "/kc\(number)"
                    options.watchBufferBytes = 200_000
                }
                do {
                    try await clause.body(
                        StoreContract.Subject(store: store, prefix: "contract/", watchBufferBytes: 200_000))
                } catch {
                    Issue.record("'\(clause.promise)': \(error)")
                }
            }
        }
    }
}
