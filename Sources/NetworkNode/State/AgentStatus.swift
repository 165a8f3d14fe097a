package import NetworkModel
package import Resources
import SystemService

/// What the agent says about itself to people and commands on the same host (`/run/kc/node.json`): liveness and
/// counters, which have no place in the store.
package struct AgentStatus: Hashable, Sendable {
    /// The connection to the API.
    package struct Upstream: Hashable, Sendable {
        package var endpoint: String
        package var isConnected = false
        /// Why it is not connected.
        package var message: String?
        /// Reports that the API has not acknowledged.
        package var hasUnsentReports = false

        package init(endpoint: String) { self.endpoint = endpoint }
    }

    /// Something that is not as it shall be.
    package struct Trouble: Hashable, Sendable {
        /// "attachment/<id>"
        package var subject: String
        /// Tries in a row that failed; 0 for what the host cannot carry.
        package var failures: Int
        package var message: String

        package init(subject: String, failures: Int, message: String) {
            self.subject = subject
            self.failures = failures
            self.message = message
        }
    }

    package var pid: Int32
    package var version: String
    package var started: Timestamp
    package var upstream: Upstream
    package var host: HostIdentity?
    /// The store revision of the desired state that was worked on last.
    package var revision: Revision = .zero
    package var phase: Report.Phase = .pending
    package var message: String?
    package var segments = 0
    package var attachments = 0
    package var gateways = 0
    /// Why the snapshot on disk is older than what is worked on; nil when it is not.
    package var snapshotFailure: String?
    package var counters = AgentCounters()
    /// The first of them, at most `maximumTroubles`.
    package var troubles: [Trouble] = []

    package static let maximumTroubles = 100

    package init(pid: Int32, version: String, started: Timestamp, upstream: Upstream) {
        self.pid = pid
        self.version = version
        self.started = started
        self.upstream = upstream
    }
}

/// What the agent did since it started.
package struct AgentCounters: Hashable, Sendable {
    package var turns = 0
    package var operations = 0
    package var failedOperations = 0
    /// Operations that nothing desired had asked for: somebody had changed what is ours.
    package var driftRepairs = 0
    /// Times that the whole ruleset was installed again, because somebody else had changed or flushed it.
    package var rulesetRebuilds = 0
    /// How long the first full comparison and what it led to took; nil before.
    package var firstSync: Duration?
    /// The same of the last one.
    package var lastSync: Duration?
    package var lastFullComparison: Timestamp?
    /// Whether the last turn left nothing undone.
    package var isInSync = false

    package init() {}
}

extension AgentStatus: JSONWritable {
    package func write(to writer: inout JSONWriter) { write(to: &writer, at: .now) }

    package func write(to writer: inout JSONWriter, at time: Timestamp) {
        writer.object { writer in
            writer.member("format", 1)
            writer.member("written", time)
            writer.member("pid", Int(pid))
            writer.member("version", version)
            writer.member("started", started)
            writer.name("api")
            writer.object { writer in
                writer.member("endpoint", upstream.endpoint)
                writer.member("connected", upstream.isConnected)
                writer.member("message", upstream.message)
                writer.member("unsentReports", upstream.hasUnsentReports)
            }
            writer.member("host", host)
            writer.member("revision", revision)
            writer.member("phase", phase)
            writer.member("message", message)
            writer.member("segments", segments)
            writer.member("attachments", attachments)
            writer.member("gateways", gateways)
            writer.member("snapshotFailure", snapshotFailure)
            writer.member("inSync", counters.isInSync)
            writer.member("firstSyncSeconds", counters.firstSync.map(Seconds.init))
            writer.member("lastSyncSeconds", counters.lastSync.map(Seconds.init))
            writer.member("lastFullComparison", counters.lastFullComparison)
            writer.member("turns", counters.turns)
            writer.member("operations", counters.operations)
            writer.member("failedOperations", counters.failedOperations)
            writer.member("driftRepairs", counters.driftRepairs)
            writer.member("rulesetRebuilds", counters.rulesetRebuilds)
            writer.name("troubles")
            writer.array { writer in
                for trouble in troubles {
                    writer.object { writer in
                        writer.member("subject", trouble.subject)
                        writer.member("failures", trouble.failures)
                        writer.member("message", trouble.message)
                    }
                }
            }
        }
    }
}

/// A duration as a JSON number of seconds, to the microsecond.
private struct Seconds: JSONWritable {
    let value: Duration

    func write(to writer: inout JSONWriter) {
        let (seconds, attoseconds) = value.components
        let fraction = String(attoseconds / 1_000_000_000_000)
        writer.raw("\(seconds).\(String(repeating: "0", count: 6 - fraction.count))\(fraction)".utf8)
    }
}
