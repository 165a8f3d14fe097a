// Durable puts through the Store: WRITERS tasks, each putting 200-byte values under fresh keys one after the other.
// usage: StoreBench STORE WRITERS SECONDS      prints {"puts":N,"seconds":S}
// STORE is the path of an embedded store, or the address of a member of etcd.
import EtcdStore
import Glibc
import Logging
import Persistence
import SQLiteStore
import Synchronization

let arguments = CommandLine.arguments
guard arguments.count == 4, let writers = Int(arguments[2]), let seconds = Double(arguments[3]) else {
    print("usage: StoreBench STORE WRITERS SECONDS")
    exit(2)
}
let logger = Logger(label: "bench")
let store: any Store
let close: () async -> Void
if arguments[1].hasPrefix("http://") {
    let etcd = EtcdStore(try EtcdOptions(endpoints: [EtcdEndpoint(arguments[1])]), logger: logger)
    (store, close) = (etcd, { await etcd.close() })
} else {
    let sqlite = try await SQLiteStore.open(at: arguments[1], logger: logger)
    (store, close) = (sqlite, { await sqlite.close() })
}
let clock = ContinuousClock()
let start = clock.now
let end = start + .seconds(seconds)
let value = [UInt8](repeating: UInt8(ascii: "x"), count: 200)
let puts = try await withThrowingTaskGroup(of: Int.self) { group in
    for writer in 0..<writers {
        group.addTask {
            var count = 0
            while clock.now < end {
                let outcome = try await store.commit(
                    StoreTransaction(changes: [.put(StoreKey("bench/\(writer)/\(count)"), value)]))
                guard case .committed = outcome else { return count }
                count += 1
            }
            return count
        }
    }
    var sum = 0
    for try await count in group { sum += count }
    return sum
}
let spent = (clock.now - start) / .seconds(1)
await close()
print("{\"puts\":\(puts),\"seconds\":\(spent)}")
