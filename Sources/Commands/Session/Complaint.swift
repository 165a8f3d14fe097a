import APIClient
import ArgumentParser
import Documents
import Resources

/// An error as a person sees it: what happened, on which field, what to do next; and the exit code.
package struct Complaint: Error {
    package let status: ExitStatus
    package let text: String

    package init(_ status: ExitStatus, _ what: String, next: String? = nil) {
        self.status = status
        text =
            "\(Program.current.name): \(DisplayText.safe(what))"
            + (next.map { "\n  next: \(DisplayText.safe($0))" } ?? "")
    }

    private init(_ status: ExitStatus, lines: [String]) {
        self.status = status
        text = lines.map(DisplayText.safe).joined(separator: "\n")
    }

    package init(_ error: any Error) {
        switch error {
        case let complaint as Complaint: self = complaint
        case let problem as APIProblem:
            self.init(ExitStatus(problem), lines: Self.lines(problem))
        case let failure as APIFailure:
            self.init(
                ExitStatus(failure), "\(failure.operation) at \(failure.subject): \(failure.cause)",
                next: failure.advice)
        case let error as DocumentError: self.init(.usage, error.description)
        case let error as FieldError: self.init(.usage, error.description)
        case let error as ValidationError: self.init(.usage, error.message)
        case is CancellationError: self.init(.failure, "interrupted")
        default: self.init(.failure, "\(error)")
        }
    }

    private static func lines(_ problem: APIProblem) -> [String] {
        var lines = ["\(Program.current.name): \(problem)"]
        if let field = problem.field, let rule = problem.rule {
            let value = problem.value.map { $0.isEmpty ? "" : " (it is \($0))" } ?? ""
            let line = "\(field): \(rule)\(value)"
            // The detail mostly says it in a sentence of its own.
            if problem.detail?.contains(rule) != true { lines.append("  \(line)") }
        }
        if let advice = advice(problem) { lines.append("  next: \(advice)") }
        if problem.status >= 500, let id = problem.requestID { lines.append("  request: \(id) (in the server's log)") }
        return lines
    }

    private static func advice(_ problem: APIProblem) -> String? {
        switch problem.code {
        case "not-found": "look at what there is with `list`, and at the --project"
        case "precondition-failed": "it changed meanwhile: look at it again with `show`, then repeat"
        case "protected": "`update --no-protected` first, if it really may go"
        case "in-use" where problem.description.contains("spec.power"): "let it end first, with `kc vm stop`"
        case "in-use" where problem.description.contains("being stopped"):
            "wait until it has ended: `kc vm stop --wait`"
        case "in-use": "delete what uses it first"
        case "name-taken": "choose another name, or `update` the one that is there"
        case "pool-exhausted": "add a pool with `kcnet pool create`, or enlarge one with `kcnet pool update`"
        case "unauthenticated" where problem.description.contains("certificate"):
            "look at the certificate with `openssl x509 -noout -text -in FILE`; another one goes into --client-certificate"
        case "unauthenticated":
            "set KC_TOKEN_FILE (on the server: /var/lib/kc/admin.token), or use the Unix socket as root"
        case "forbidden": "use a credential that may do this; `kcnet whoami` shows which one is in use"
        case "store-full": "free space on the server's disk; nothing was changed"
        case "rate-limited": "wait a moment and repeat"
        case "unavailable": "wait and repeat; `kcnet doctor` on the server shows more"
        default: nil
        }
    }
}
