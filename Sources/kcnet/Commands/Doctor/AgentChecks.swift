import Commands
import Documents
import Glibc
import Resources

/// What the agent on this machine says of itself, in the file that it keeps for people (`/run/kc/node.json`).
enum AgentChecks {
    static let statusFile = "/run/kc/node.json"

    /// nil when no agent has run here since the machine started, or the file is not one of an agent.
    static func status() -> JSONNode? {
        guard let text = ProcFile.text(statusFile) else { return nil }
        // Half a file is as good as none: the agent replaces it as a whole.
        do { return try JSONParser.parse(Array(text.utf8), atMost: JSONParser.largeValues) } catch { return nil }
    }

    /// - Parameter isHost: whether the API knows this machine as a host.
    static func findings(_ status: JSONNode?, isHost: Bool) -> [Finding] {
        guard let status, let pid = status["pid"]?.displayText, let number = Int32(pid), number > 0 else {
            guard isHost else { return [] }
            return [
                Finding(
                    .fail, "process", "no agent has run here (\(statusFile) is missing)",
                    why: "this machine is a host, and nothing does what the API says", next: "start `kcd node`")
            ]
        }
        // EPERM: it is there, and is another user's.
        guard kill(number, 0) == 0 || errno == EPERM else {
            return [
                Finding(
                    .fail, "process", "the agent (pid \(pid)) has ended",
                    why: "what is there keeps forwarding; nothing new happens and drift is not repaired",
                    next: "start `kcd node`, and look at the end of its log")
            ]
        }
        return [running(status, pid: pid)]
    }

    private static func running(_ status: JSONNode, pid: String) -> Finding {
        let revision = status["revision"]?.displayText ?? "?"
        if status["api"]?["connected"]?.displayText != "true" {
            let message = status["api"]?["message"]?.string.map { ": \($0)" } ?? ""
            return Finding(
                .warn, "process", "the agent (pid \(pid)) has no connection to \(endpoint(status))\(message)",
                why: "it keeps revision \(revision) as it is until the API answers again",
                next: "check that the API runs and that this machine reaches it")
        }
        guard status["inSync"]?.displayText == "true" else {
            let troubles = (status["troubles"]?.elements ?? []).prefix(3).map { trouble in
                "\(trouble["subject"]?.string ?? ""): \(trouble["message"]?.string ?? "")"
            }
            let message = status["message"]?.string.map { [$0] } ?? []
            return Finding(
                .warn, "process",
                "the agent (pid \(pid)) is not in sync: \((message + troubles).joined(separator: "; "))",
                why: "something cannot be done, or is being done right now",
                next: "ask again in a few seconds; then mend what the message names")
        }
        if let failure = status["snapshotFailure"]?.string {
            return Finding(
                .warn, "process", "the agent (pid \(pid)) cannot keep what it knows: \(failure)",
                why: "a host that starts again while the API is away begins with what was kept before",
                next: "make room where the agent keeps its state; it tries again every 5 s")
        }
        let drift = status["driftRepairs"]?.displayText ?? "0"
        return Finding(
            .ok, "process",
            "the agent (pid \(pid)) is in sync at revision \(revision), \(drift) changes of others undone")
    }

    private static func endpoint(_ status: JSONNode) -> String { status["api"]?["endpoint"]?.string ?? "the API" }
}
