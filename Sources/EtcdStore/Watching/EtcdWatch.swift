import Persistence
import Resources
import Synchronization

/// One watch, as its consumer has it: what follows etcd runs from the first `next` until this object is gone.
final class EtcdWatch: Sendable {
    private let buffer: WatchBuffer
    private let following: WatchFollowing
    private let task = Mutex<Task<Void, Never>?>(nil)

    init(_ prefix: StoreKey, after revision: Revision, keys: KeySpace, gateway: Gateway) {
        buffer = WatchBuffer(limit: gateway.options.watchBufferBytes)
        following = WatchFollowing(prefix: prefix, after: revision, keys: keys, gateway: gateway, buffer: buffer)
    }

    deinit {
        buffer.cancel()
        task.withLock { $0?.cancel() }
    }

    func next() async throws -> StoreBatch? {
        task.withLock { task in
            // Not structured: a consumer that takes nothing for a while must be seen to fall behind, and a stream has no
            // scope to run in. The end of the watch, by cancellation too, ends it.
            task = task ?? Task { [following] in await following.run() }
        }
        return try await withTaskCancellationHandler {
            try await buffer.next()
        } onCancel: {
            buffer.cancel()
            task.withLock { $0?.cancel() }
        }
    }
}
