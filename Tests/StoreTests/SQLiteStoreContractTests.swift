import Logging
import Persistence
import SQLiteStore
import Testing

@Suite struct SQLiteStoreContractTests {
    @Test(arguments: StoreContract.clauses)
    func `the embedded store keeps the contract`(_ clause: StoreContract.Clause) async throws {
        try await TemporaryStore.with(configure: { $0.watchBufferBytes = 200_000 }) { files in
            let store = try await files.open()
            try await clause.body(
                StoreContract.Subject(store: store, prefix: "contract/", watchBufferBytes: 200_000))
            await store.close()
        }
    }
}
