import Logging
import NodePorts

/// Hears the claims of guests as long as the agent runs, and binds the log again when it was lost.
struct ClaimListener: Sendable {
    let log: any PacketLog
    let inbox: Inbox
    /// The wait before another try to have the group.
    let retry: Duration
    let logger: Logger

    /// Enough of a frame for a solicitation's target: the IPv6 header, 8 bytes of ICMPv6 and 16 of the target.
    static let snapLength = 64

    /// Returns when cancelled.
    func run() async {
        var hasFailed = false
        while !Task.isCancelled {
            do throws(NodeError) {
                let frames = try await log.frames(of: .claims, snapLength: Self.snapLength)
                if hasFailed { logger.notice("claims of addresses are heard again") }
                hasFailed = false
                for await frame in frames { hear(frame) }
            } catch {
                // Another agent that is about to end has it, or the kernel has no log: one line, then quietly on.
                if !hasFailed {
                    logger.error(
                        "claims of addresses cannot be heard: guests keep what they have and get nothing new",
                        metadata: ["reason": "\(error)"])
                }
                hasFailed = true
            }
            // The only error of a sleep is cancellation, which the condition sees.
            do { try await Task.sleep(for: retry) } catch {}
        }
    }

    private func hear(_ frame: LoggedFrame) {
        let claim = Claim(frame)
        let now = ContinuousClock.now
        guard claim != nil || frame.lostBefore > 0 else { return }
        inbox.post { content in
            if frame.lostBefore > 0 { content.claims.lose(frame.lostBefore) }
            if let claim { content.claims.add(claim, at: now) }
        }
    }
}
