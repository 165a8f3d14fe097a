import Synchronization

/// Counts of what this server asked of the store.
package final class StoreMeasures: Sendable {
    package struct Values: Sendable {
        package var commits: UInt64 = 0
        /// Transactions whose conditions did not hold.
        package var lost: UInt64 = 0
        package var failures: UInt64 = 0
        package var seconds: Double = 0
        /// How many took at most `StoreMeasures.bounds[i]`.
        package var buckets = [UInt64](repeating: 0, count: StoreMeasures.bounds.count)
    }

    /// Seconds.
    package static let bounds: [Double] = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1]

    private let state = Mutex(Values())

    package var values: Values { state.withLock { $0 } }

    func record(nanoseconds: UInt64, lost: Bool) {
        let seconds = Double(nanoseconds) / 1e9
        state.withLock { values in
            values.commits += 1
            if lost { values.lost += 1 }
            values.seconds += seconds
            for (index, bound) in Self.bounds.enumerated() where seconds <= bound { values.buckets[index] += 1 }
        }
    }

    func recordFailure() { state.withLock { $0.failures += 1 } }
}
