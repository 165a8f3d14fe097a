import Synchronization

/// The token of etcd's own authentication, one for all requests: one of them signs in, and the others wait for it.
///
/// etcd keeps passwords as bcrypt digests and takes some 50 ms of a processor for each sign-in; hundreds at once, after a
/// member has lost its tokens, would keep it from everything else for longer than requests wait.
final class SharedToken: Sendable {
    private typealias Waiter = CheckedContinuation<Result<String, EtcdFailure>?, Never>

    private struct State {
        var token: String?
        var isBeingGot = false
        var waiting: [Waiter] = []
    }

    private let state = Mutex(State())

    var current: String? { state.withLock(\.token) }

    /// - Parameter used: what `current` was before the request that failed with it.
    func forget(_ used: String?) {
        state.withLock { state in
            guard used == nil || state.token == used else { return }
            state.token = nil
        }
    }

    /// - Parameter signIn: gives a token, or nil where none is needed; it ends within bounded time, so that who waits for it
    ///   need not be told of a cancellation.
    func value(
        _ signIn: () async throws(EtcdFailure) -> String?
    ) async throws(EtcdFailure) -> String {
        while true {
            let (token, isMine) = state.withLock { state in
                let isMine = state.token == nil && !state.isBeingGot
                if isMine { state.isBeingGot = true }
                return (state.token, isMine)
            }
            if let token { return token }
            if isMine { break }
            if let result = await others() { return try result.get() }
        }
        let result: Result<String, EtcdFailure>
        do throws(EtcdFailure) {
            let token = try await signIn()
            result = .success(token ?? "")
            finish(result, keeping: token)
        } catch {
            result = .failure(error)
            finish(result, keeping: nil)
        }
        return try result.get()
    }

    /// What the one who signs in gets; nil when that was over before it was waited for.
    private func others() async -> Result<String, EtcdFailure>? {
        await withCheckedContinuation { (waiter: Waiter) in
            let isWaiting = state.withLock { state in
                if state.isBeingGot { state.waiting.append(waiter) }
                return state.isBeingGot
            }
            if !isWaiting { waiter.resume(returning: nil) }
        }
    }

    private func finish(_ result: Result<String, EtcdFailure>, keeping token: String?) {
        let waiting = state.withLock { state in
            defer { state.waiting = [] }
            state.token = token
            state.isBeingGot = false
            return state.waiting
        }
        for waiter in waiting { waiter.resume(returning: result) }
    }
}
