/// Wakes one waiting loop. Any number of calls while the loop is busy wake it once more.
struct Signal: Sendable {
    /// Ends when the waiting task is cancelled. For one consumer.
    let wakeups: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init() { (wakeups, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1)) }

    func wake() { continuation.yield() }
}
