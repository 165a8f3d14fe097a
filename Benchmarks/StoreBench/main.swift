// Durable puts through the Store: WRITERS tasks, each putting 200-byte values under fresh keys one after the other.
// usage: StoreBench PATH WRITERS SECONDS      prints {"puts":N,"seconds":S}
import Glibc
import Logging
import Persistence
import SQLiteStore
import Synchronization

let arguments = CommandLine.arguments
guard arguments.count == 4, let writers = Int(arguments[2]), let seconds = Double(arguments[3]) else {
    print("usage: StoreBench PATH WRITERS SECONDS")
    exit(2)
}
let store = try await SQLiteStore.open(at: arguments[1], logger: Logger(label: "bench"))
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
await store.close()
print("{\"puts\":\(puts),\"seconds\":\(spent)}")
