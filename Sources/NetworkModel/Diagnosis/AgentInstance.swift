package import Resources

/// One run of an agent on one run of a machine: what tells two agents that speak for the same host apart.
package struct AgentInstance: Hashable, Sendable {
    /// Drawn when the agent starts.
    package var run: ResourceID
    /// /proc/sys/kernel/random/boot_id; nil when it cannot be read.
    package var boot: ResourceID?

    package init(run: ResourceID, boot: ResourceID?) {
        self.run = run
        self.boot = boot
    }

    /// The request header in which agents say it with each renewal of their lease: the run, a space and the boot. Agents
    /// without it are not told apart.
    package static let header = "KC-Agent"

    package init?(header text: String) {
        let parts = text.split(separator: " ")
        guard parts.count <= 2, let run = parts.first.flatMap({ ResourceID($0) }) else { return nil }
        self.init(run: run, boot: nil)
        guard parts.count == 2 else { return }
        guard let boot = ResourceID(parts[1]) else { return nil }
        self.boot = boot
    }

    package var headerText: String { boot.map { "\(run) \($0)" } ?? "\(run)" }
}

/// An agent's run, and from where it was heard.
package struct AgentSighting: Hashable, JSONCodable {
    package var instance: AgentInstance
    /// Of the connection: an IP address, or "unix" for the API server's own machine.
    package var address: String

    package init(_ instance: AgentInstance, address: String) {
        self.instance = instance
        self.address = address
    }

    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            AgentInstance(run: try reader.required("run"), boot: try reader.optional("boot")),
            address: try reader.required("address"))
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("run", instance.run)
            writer.member("boot", instance.boot)
            writer.member("address", address)
        }
    }
}
