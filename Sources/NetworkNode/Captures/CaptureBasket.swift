package import NetworkModel

/// The frames of one capture between the kernel and the API: held to its limits, and cut into chunks. Pure: frames and
/// the time come in.
package struct CaptureBasket: Sendable {
    private let pace: Int
    private let limit: Int
    private let ends: ContinuousClock.Instant

    private var waiting: [CapturedFrame] = []
    private var waitingBytes = 0
    private var takenBytes = 0
    /// The second that frames are counted in, and how many it had.
    private var second: ContinuousClock.Instant
    private var inSecond = 0
    package private(set) var dropped: UInt64 = 0
    package private(set) var end: CaptureReport.End?

    /// While so many bytes wait to be sent, further frames are dropped.
    package static let room = 4 * CaptureChunk.maximumBytes

    package init(_ task: CaptureTask, seconds: Int, at now: ContinuousClock.Instant) {
        pace = task.pace
        limit = task.bytes
        ends = now + .seconds(min(max(seconds, 1), DesiredProbe.maximumSeconds))
        second = now
    }

    /// Takes over what has come.
    /// - Returns: whether more may come.
    package mutating func take(_ frames: [CapturedFrame], at now: ContinuousClock.Instant) -> Bool {
        if second + .seconds(1) <= now {
            second = now
            inSecond = 0
        }
        // Of several devices: by when they were seen.
        for frame in frames.sorted(by: { $0.nanoseconds < $1.nanoseconds }) where end == nil {
            guard inSecond < pace, waitingBytes + frame.bytes.count <= Self.room else {
                dropped += 1
                continue
            }
            guard takenBytes + frame.bytes.count <= limit else {
                end = .bytes
                break
            }
            inSecond += 1
            takenBytes += frame.bytes.count
            waitingBytes += frame.bytes.count
            waiting.append(frame)
        }
        if end == nil, ends <= now { end = .time }
        return end == nil
    }

    /// The next chunk; nil when no frame waits.
    package mutating func next() -> CaptureChunk? {
        var count = 0
        var bytes = 0
        while count < min(waiting.count, CaptureChunk.maximumFrames) {
            bytes += waiting[count].bytes.count
            guard count == 0 || bytes <= CaptureChunk.maximumBytes else { break }
            count += 1
        }
        guard count > 0 else { return nil }
        let chunk = CaptureChunk(Array(waiting[..<count]))
        waiting.removeFirst(count)
        waitingBytes -= chunk.frames.reduce(0) { $0 + $1.bytes.count }
        return chunk
    }

    /// A chunk could not be sent.
    package mutating func lose(_ chunk: CaptureChunk) { dropped += UInt64(chunk.frames.count) }

    /// Nobody wants more.
    package mutating func close() { if end == nil { end = .time } }
}
