import NetworkModel
import Resources

/// Which agents renewed a host's lease: the value of its `w/l/` key, so that all servers see what any of them sees.
///
/// An agent that was started anew is another one from then on, and the former is never heard again. One that is heard
/// again after another one was heard has not ended: two agents speak for the host, as after a machine was cloned.
struct HostAgents: Hashable, JSONCodable {
    var latest: AgentSighting
    var former: AgentSighting?
    /// `former` was heard before `latest` and after it: both live.
    var areTwo: Bool
    /// When this was written.
    var since: Timestamp

    /// Agents renew every 3 s: two that live are each heard within this.
    static let memory: Int64 = 20_000
    /// Two agents cost at most a write in this time, in milliseconds.
    static let pause: Int64 = 1000

    init(_ latest: AgentSighting, since: Timestamp, former: AgentSighting? = nil, areTwo: Bool = false) {
        self.latest = latest
        self.former = former
        self.areTwo = areTwo
        self.since = since
    }

    /// What is to be written when an agent is heard; nil when nothing has changed.
    static func after(_ known: HostAgents?, hearing agent: AgentSighting, at now: Timestamp) -> HostAgents? {
        guard let known else { return HostAgents(agent, since: now) }
        let age = now.milliseconds - known.since.milliseconds
        guard known.latest.instance != agent.instance else {
            // The other one is silent: it has ended.
            return known.areTwo && age > memory ? HostAgents(agent, since: now) : nil
        }
        guard age >= pause else { return nil }
        let isBack = known.former?.instance == agent.instance && age <= memory
        return HostAgents(agent, since: now, former: known.latest, areTwo: isBack || (known.areTwo && age <= memory))
    }

    /// For the host's status.
    static func warning(_ agents: [AgentSighting]) -> String {
        let names = agents.map { agent in
            agent.address + (agent.instance.boot.map { " (boot \("\($0)".prefix(8)))" } ?? "")
        }
        return
            "\(agents.count) agents speak for this host at once, from \(names.joined(separator: " and ")): a machine was "
            + "cloned, or the state of an agent was copied; stop one of them and join it anew"
    }

    init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            try reader.required("latest"), since: try reader.required("since"), former: try reader.optional("former"),
            areTwo: try reader.required("areTwo"))
        try reader.finish()
    }

    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("latest", latest)
            writer.member("former", former)
            writer.member("areTwo", areTwo)
            writer.member("since", since)
        }
    }
}
