import Persistence
import Synchronization

/// Several streams of hints, and a tick for signs of life, as one. Ends when one of the streams does.
struct Pulse: Sendable {
    let beats: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation
    private let sources: [AsyncStream<Void>]
    private let followed: [(store: any Store, prefix: StoreKey)]
    private let interval: Duration

    /// - Parameter following: beats come also when something changes there.
    init(
        _ sources: [AsyncStream<Void>], following: [(store: any Store, prefix: StoreKey)] = [],
        every interval: Duration = .seconds(5)
    ) {
        self.sources = sources
        self.followed = following
        self.interval = interval
        (beats, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Runs `body`, which reads `beats`; nothing of it is left afterwards.
    func whileBeating(_ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for source in sources {
                group.addTask {
                    for await _ in source { continuation.yield() }
                    continuation.finish()
                }
            }
            for (store, prefix) in followed { group.addTask { await follow(store, prefix) } }
            group.addTask {
                while !Task.isCancelled {
                    try await Task.sleep(for: interval)
                    continuation.yield()
                }
            }
            defer { group.cancelAll() }
            try await body()
        }
    }

    private func follow(_ store: any Store, _ prefix: StoreKey) async {
        while !Task.isCancelled {
            do {
                let revision = try await store.currentRevision()
                // After the revision and before the watch: who looks now sees what came before both.
                continuation.yield()
                for try await _ in store.watch(prefix, after: revision) { continuation.yield() }
            } catch {
                // The ticks go on meanwhile. A sleep ends early by cancellation alone, which ends the loop.
                try? await Task.sleep(for: .milliseconds(250))
            }
        }
    }
}
