import ComputeModel
import ComputeService
import HTTPServing
import Persistence
import Resources

/// One way of a console, to the user or to the host: pieces as they come, until the session ends.
///
/// The stream to the user keeps the session: without one it ends by itself.
struct ConsoleStream: Sendable {
    let service: ComputeService
    let console: ConsoleSession
    let way: ConsoleWay
    /// How long nothing may go either way before the console is left.
    static let idle = Duration.seconds(1800)

    func source(from first: UInt64) -> EventSource {
        let pulse = Pulse(
            [service.cache.signals()], following: [(service.store, service.pieces(of: console, way))])
        return { writer in try await run(pulse, first, &writer) }
    }

    private func run(_ pulse: Pulse, _ first: UInt64, _ writer: inout EventWriter) async throws {
        var next = first
        var kept = ContinuousClock.now
        var active = kept
        if way == .output { try await service.keepConsole(console) }
        try await pulse.whileBeating {
            for await _ in pulse.beats {
                guard service.console(console.session) != nil else {
                    return try await end(service.consoleEnd(of: console.vm), &writer)
                }
                let now = ContinuousClock.now
                if try await send(&next, &writer) { active = now }
                if way == .output {
                    guard active.duration(to: now) < Self.idle else {
                        try await service.endConsole(console, why: "idle")
                        return try await end("nothing was written or typed for 30 minutes", &writer)
                    }
                    if kept.duration(to: now) >= .seconds(5) {
                        do throws(Problem) { try await service.keepConsole(console) } catch {
                            // A store that does not answer ends the session by itself if it stays so.
                            if error.code == .notFound { return try await end(error.detail, &writer) }
                        }
                        kept = now
                    }
                }
                try await writer.keepAlive()
            }
        }
    }

    /// Whether there was something.
    private func send(_ next: inout UInt64, _ writer: inout EventWriter) async throws -> Bool {
        var sent: [UInt64] = []
        while true {
            let pieces = try await service.pieces(over: console, way, from: next)
            guard !pieces.isEmpty else { break }
            for piece in pieces {
                try await writer.event(
                    way == .output ? "output" : "input", id: Revision(piece.number), data: piece.json)
            }
            try await writer.flush()
            sent = pieces.map(\.number)
            next = (sent.last ?? next) + 1
            // What was typed is the host's now; typing it twice would be worse than losing it with a connection.
            if way == .input { try await service.forget(sent, of: console, way) }
        }
        return !sent.isEmpty
    }

    private func end(_ reason: String, _ writer: inout EventWriter) async throws {
        try await writer.event("end", data: ConsolePiece([], notice: reason).json)
        try await writer.flush()
    }
}
