package import APIClient
import Documents
import Resources
import Synchronization

/// `--wait`: watches one resource until it is as it shall be.
package struct Waiting<Flags: KindFlags> {
    package let session: Session
    private let seen = LastSeen()

    package init(session: Session) { self.session = session }

    /// - Throws: `Complaint` with `timedOut` after `seconds`, with `failure` when the host can never carry it.
    package func settle(_ document: ResourceDocument, seconds: Int) async throws -> ResourceDocument {
        guard let aim = Flags.aim(document) else {
            throw Complaint(.usage, "a \(Flags.description.kind) has no phase to wait for")
        }
        defer { Terminal.progress("") }
        return try await withThrowingTaskGroup(of: ResourceDocument.self) { group in
            group.addTask { try await follow(document) }
            group.addTask {
                try await Task.sleep(for: .seconds(seconds))
                throw Complaint(
                    .timedOut,
                    "\(Flags.description.kind) \(document.name) is not \(aim) after \(seconds) s\(seen.clause)",
                    next: "`\(Program.current.name) \(Flags.command) show \(document.name)` tells what it waits for")
            }
            defer { group.cancelAll() }
            guard let settled = try await group.next() else { throw CancellationError() }
            return settled
        }
    }

    /// A watch that breaks is opened again: the server may be restarting, and the time limit ends it anyway.
    private func follow(_ document: ResourceDocument) async throws -> ResourceDocument {
        let start = ContinuousClock.now
        while true {
            do {
                let events = try await session.client.watch(
                    session.collection(Flags.description), item: document.id.description)
                for try await event in events {
                    switch try WatchEvent(event) {
                    case .put(let current, _):
                        if let settled = try judge(current, since: start) { return settled }
                    case .delete:
                        throw Complaint(.notFound, "\(Flags.description.kind) \(document.name) was deleted meanwhile")
                    case .bookmark, nil: continue
                    }
                }
            } catch let failure as APIFailure where [.unreachable, .interrupted, .streamDead].contains(failure.code) {
                Terminal.progress("\(failure.cause); trying again")
            }
            try await Task.sleep(for: .milliseconds(300))
        }
    }

    private func judge(_ current: ResourceDocument, since start: ContinuousClock.Instant) throws
        -> ResourceDocument?
    {
        let state: String
        switch Flags.progress(current) {
        case .settled: return current
        case .hopeless(let why):
            throw Complaint(.failure, "\(Flags.description.kind) \(current.name) is \(why)")
        case .underWay(let how): state = how
        }
        seen.set(state)
        let time = (ContinuousClock.now - start).components.seconds
        Terminal.progress(DisplayText.safe("\(Flags.description.kind) \(current.name) is \(state) (\(time) s)"))
        return nil
    }
}

/// What the watch saw last, for the message when time runs out.
private final class LastSeen: Sendable {
    private let state = Mutex<String?>(nil)

    func set(_ text: String) { state.withLock { $0 = text } }

    /// "; it is pending: waits for …", or nothing.
    var clause: String { state.withLock { $0 }.map { "; it is \($0)" } ?? "" }
}
