/// Several streams of hints, and a tick for signs of life, as one. Ends when one of the streams does.
struct Pulse: Sendable {
    let beats: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation
    private let sources: [AsyncStream<Void>]
    private let interval: Duration

    init(_ sources: [AsyncStream<Void>], every interval: Duration = .seconds(5)) {
        self.sources = sources
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
}
