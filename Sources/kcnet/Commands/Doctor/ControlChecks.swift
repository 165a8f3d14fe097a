import APIClient
import Commands
import Documents
import Resources

/// Whether the API answers, and whether the agent here does what it says.
enum ControlChecks {
    static func all(_ control: ControlPlane) -> [Finding] {
        if let trouble = control.trouble {
            let lines = trouble.text.split(separator: "\n").map(String.init)
            let next = lines.first { $0.hasPrefix("  next: ") }.map { String($0.dropFirst("  next: ".count)) } ?? ""
            return [
                Finding(
                    .fail, "api", lines.first.map { String($0.dropFirst("kcnet: ".count)) } ?? control.endpoint,
                    why: "the agent keeps what it has, but nothing new happens without the API", next: next)
            ]
        }
        return [Finding(.ok, "api", "\(control.endpoint) answers (as \(control.subject))")] + agent(control)
            + control.unservedZones.map { zone in
                Finding(
                    .fail, "names", "zone \(zone)", why: "who asks this host for names of the zone gets none",
                    next: "`kcnet zone show` says what each host serves; the agent's log has the name server's words")
            } + control.gateways.findings(host: control.host?.id)
    }

    private static func agent(_ control: ControlPlane) -> [Finding] {
        guard let host = control.host else {
            return [
                Finding(
                    .warn, "agent", "no host has an address of this machine as its VTEP",
                    why: "this machine carries no segments",
                    next: "if it shall: `kcd join URL TOKEN`, or name it with --host")
            ]
        }
        let phase = host.phase ?? "unknown"
        guard phase == "up" else {
            return [
                Finding(
                    .fail, "agent", "host \(host.name) is \(phase)\(host.message.map { ": \($0)" } ?? "")",
                    why: "existing traffic flows on, but nothing new is wired on this host",
                    next: "start `kcd node` here and look at its log")
            ]
        }
        guard control.unwired.isEmpty else {
            let shown = control.unwired.prefix(3).map { document in
                "\(document.name) \(document.phase ?? "")\(document.message.map { " (\($0))" } ?? "")"
            }
            return [
                Finding(
                    .warn, "agent",
                    "host \(host.name) is up; \(control.unwired.count) of \(control.attachments) attachments are not wired: "
                        + shown.joined(separator: "; "),
                    why: "a port that waits forwards nothing; one whose change failed has what it had before",
                    next: "`kcnet attachment show NAME` says what each waits for")
            ]
        }
        return [Finding(.ok, "agent", "host \(host.name) is up, all \(control.attachments) attachments are wired")]
    }
}
