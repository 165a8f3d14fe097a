/// Runs `body` while something ticks beside it; ends the ticking with it.
package func withTicks(
    every interval: Duration, _ tick: @escaping @Sendable () async -> Void, while body: () async throws -> Void
)
    async throws
{
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            while !Task.isCancelled {
                try await Task.sleep(for: interval)
                await tick()
            }
        }
        defer { group.cancelAll() }
        try await body()
    }
}
