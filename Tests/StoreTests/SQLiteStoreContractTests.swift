import Persistence
import SQLiteStore
import StoreContract
import Testing

@Suite struct SQLiteStoreContractTests {
    @Test(arguments: StoreContract.clauses)
    func `the embedded store keeps the contract`(_ clause: StoreContract.Clause) async throws {
        try await TemporaryStore.with { files in
            var files = files
            files.options.watchBufferBytes = 200_000
            let store = try await files.open()
            try await clause.body(
                StoreContract.Subject(store: store, prefix: "contract/", watchBufferBytes: 200_000))
            await store.close()
        }
    }
}
