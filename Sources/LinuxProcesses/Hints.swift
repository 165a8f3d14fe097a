import Synchronization

/// Those who want to hear that something changed. Hints are the same, so one that waits stands for all.
package final class Hints: Sendable {
    private struct Content {
        var next = 0
        var continuations: [Int: AsyncStream<Void>.Continuation] = [:]
    }
    private let content = Mutex(Content())

    package init() {}

    /// A stream that hears of everything from now on, until it is dropped.
    package func listen() -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let number = content.withLock { content in
            content.next += 1
            content.continuations[content.next] = continuation
            return content.next
        }
        continuation.onTermination = { [weak self] _ in
            self?.content.withLock { _ = $0.continuations.removeValue(forKey: number) }
        }
        return stream
    }

    package func tell() {
        for continuation in content.withLock({ Array($0.continuations.values) }) { continuation.yield() }
    }

    deinit { for continuation in content.withLock({ Array($0.continuations.values) }) { continuation.finish() } }
}
