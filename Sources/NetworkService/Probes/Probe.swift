package import NetworkModel
import Persistence
package import Resources

/// A diagnostic request and, by host, what was answered. Not a resource: it has no history and ends by itself.
package struct Probe: Hashable, JSONCodable {
    package var project: ResourceID
    package var question: ProbeQuestion
    /// How long the hosts measure. 0 to `DesiredProbe.maximumSeconds`.
    package var seconds: Int
    /// The hosts that are asked.
    package var hosts: [ResourceID]
    package var created: Timestamp
    /// Kept with its key in the store, not in its value.
    var lease: LeaseID?

    /// For how long the answers of a probe can be read after its hosts have stopped measuring.
    static let grace = 60

    package init(
        project: ResourceID, question: ProbeQuestion, seconds: Int, hosts: [ResourceID], created: Timestamp
    ) {
        self.project = project
        self.question = question
        self.seconds = seconds
        self.hosts = hosts
        self.created = created
    }

    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            project: try reader.required("project"), question: try reader.required("question"),
            seconds: try reader.required("seconds"), hosts: try reader.required("hosts"),
            created: try reader.required("created"))
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("project", project)
            writer.member("question", question)
            writer.member("seconds", seconds)
            writer.member("hosts", hosts)
            writer.member("created", created)
        }
    }
}

extension CacheState {
    mutating func takeProbe(_ probe: Probe?, _ id: ResourceID, lease: LeaseID?) {
        let old = probes[id]
        for host in old?.hosts ?? [] {
            probesOfHost[host]?.remove(id)
            if probesOfHost[host]?.isEmpty == true { probesOfHost[host] = nil }
        }
        var new = probe
        new?.lease = lease
        probes[id] = new
        for host in new?.hosts ?? [] { probesOfHost[host, default: []].insert(id) }
        for host in Set((old?.hosts ?? []) + (new?.hosts ?? [])) { mark(host: host) { $0.probes.insert(id) } }
    }
}
