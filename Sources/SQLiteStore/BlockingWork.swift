import Dispatch
import Persistence

/// Runs `body` on a thread that may block, outside the cooperative pool.
func onBlockingThread<T: Sendable>(
    _ body: @escaping @Sendable () throws(StoreError) -> T
) async throws(StoreError) -> T {
    let result: Result<T, StoreError> = await withCheckedContinuation { continuation in
        DispatchQueue.global().async {
            do throws(StoreError) {
                continuation.resume(returning: .success(try body()))
            } catch {
                continuation.resume(returning: .failure(error))
            }
        }
    }
    return try result.get()
}
