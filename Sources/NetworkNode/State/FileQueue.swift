import Dispatch

/// Runs what blocks for the disk on a thread that is not of the cooperative pool, one after the other.
package struct FileQueue: Sendable {
    private let queue = DispatchQueue(label: "kc.node.files")

    package init() {}

    package func run<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: work()) }
        }
    }
}
