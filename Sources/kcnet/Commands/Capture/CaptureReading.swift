import APIClient
import Commands
import Glibc
import NetworkModel
import Synchronization

/// Follows a capture to its end, and writes what comes.
struct CaptureReading {
    private let session: Session
    private let attachment: String
    private let capture: CaptureDocument
    private let writer: CaptureWriter

    /// How long an agent that is up takes at most to answer.
    private static let patience = Duration.seconds(10)
    /// How long the last frames may take after an interruption.
    private static let farewell = Duration.seconds(1)

    init(_ session: Session, _ attachment: String, _ capture: CaptureDocument, _ writer: CaptureWriter) {
        self.session = session
        self.attachment = attachment
        self.capture = capture
        self.writer = writer
    }

    func run() async throws {
        var writer = writer
        var next = 0
        var last: CaptureReport?
        let start = ContinuousClock.now
        var interrupted: ContinuousClock.Instant?
        while true {
            let answer = try await session.client.capture(
                project: session.project, attachment: attachment, capture.id, from: next)
            next = answer.next
            last = answer.report ?? last
            if let report = last { try writer.begin(report, snapLength: answer.snapLength) }
            guard writer.write(answer.chunks) else { break }
            if answer.isComplete {
                if answer.phase == .failed {
                    throw Complaint(.failure, "the host cannot capture: \(answer.message ?? "it did not say why")")
                }
                break
            }
            if answer.phase == nil, ContinuousClock.now - start > Self.patience {
                throw Complaint(
                    .timedOut, "host \(answer.host ?? "of the attachment") has not answered",
                    next:
                        "`kcnet host list` shows whether its agent is up, and `kcd node` there must be of this version")
            }
            guard ContinuousClock.now - start < .seconds(capture.seconds) + Self.patience else {
                throw Complaint(
                    .timedOut, "the host has not said that the capture is over", next: "what came is in the file")
            }
            guard answer.chunks.isEmpty else { continue }
            if Interruption.hasCome {
                let since = interrupted ?? .now
                interrupted = since
                if ContinuousClock.now - since > Self.farewell { break }
            }
            try await Task.sleep(for: .milliseconds(150))
        }
        writer.finish(last, end: Interruption.hasCome ? "interrupted" : nil)
    }
}

/// Ctrl-C ends a capture in good order; a reader that goes away ends it as well.
enum Interruption {
    static var hasCome: Bool { interruption.load(ordering: .relaxed) }

    static func listen() {
        // Made before a handler touches it.
        guard !hasCome else { return }
        signal(SIGPIPE, SIG_IGN)
        signal(SIGINT, note)
        signal(SIGTERM, note)
    }
}

private let interruption = Atomic(false)

/// A second signal ends the program at once.
private func note(_ number: Int32) {
    interruption.store(true, ordering: .relaxed)
    signal(number, SIG_DFL)
}
