import NetworkModel
import Persistence
import Resources

extension Identity {
    /// Members of what `whoami` answers.
    func write(to writer: inout JSONWriter) {
        writer.member("role", "identity")
        writer.member("name", name)
        writer.member("everywhere", grants.everywhere)
        writer.member("projects", grants.projects)
        writer.member("verbs", scope?.verbs.map { $0.sorted { $0.rawValue < $1.rawValue } })
        writer.member("kinds", scope?.kinds?.sorted())
        writer.member("expires", expires)
    }
}
