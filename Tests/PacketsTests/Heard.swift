import NetworkModel
import Synchronization

/// What a capture has brought so far.
final class Heard: Sendable {
    private struct State {
        var frames: [CapturedFrame] = []
        var hasBegun = false
        var isOver = false
    }

    private let state = Mutex(State())

    func take(_ frames: [CapturedFrame]) -> Bool {
        state.withLock { state in
            state.hasBegun = true
            state.frames += frames
            return !state.isOver
        }
    }

    func end() { state.withLock { $0.isOver = true } }

    var hasBegun: Bool { state.withLock { $0.hasBegun } }
    var frames: [CapturedFrame] { state.withLock { $0.frames } }
    /// What stands behind the last zero of each frame.
    var names: [String] {
        frames.map { String(decoding: $0.bytes.split(separator: 0).last ?? [], as: UTF8.self) }
    }
}
