import Addressing
import DaemonConfigs
package import Logging
package import NetworkModel
package import NetworkPlanning
package import NodePorts
import Synchronization

/// What the agent would do now, without doing it: `kcd node --plan`.
package struct PlanPreview: Sendable {
    private let ports: HostPorts

    private let logger: Logger

    package init(_ ports: HostPorts, logger: Logger) {
        self.ports = ports
        self.logger = logger
    }

    /// What is desired, and whether it comes from the API or from the last snapshot on disk.
    package struct Desired: Sendable {
        package var snapshot: HostSnapshot
        /// Why it is the last snapshot; nil when the API answered.
        package var apiIsAway: String?
    }

    package struct NothingKnown: Error, CustomStringConvertible {
        package let reason: String
        package var description: String {
            "there is nothing to plan: the API does not answer (\(reason)) and there is no snapshot of an earlier agent"
        }
    }

    /// Asks the API, at most for `patience`, and falls back to the file, which is only read.
    package static func desired(
        _ source: any DesiredSource, _ file: SnapshotFile, patience: Duration
    ) async throws -> Desired {
        let (updates, continuation) = AsyncStream.makeStream(of: HostUpdate.self)
        let reason = Mutex("no answer in \(patience.milliseconds) ms")
        async let _: Void = {
            do { try await source.follow { continuation.yield($0) } } catch {
                reason.withLock { $0 = "\(error)" }
            }
            continuation.finish()
        }()
        async let _: Void = {
            // The only error of a sleep is cancellation, at the end of this function.
            do { try await Task.sleep(for: patience) } catch {}
            continuation.finish()
        }()
        for await update in updates where update.reset { return Desired(snapshot: try HostSnapshot(update)) }
        guard let snapshot = try file.peek() else { throw NothingKnown(reason: reason.withLock { $0 }) }
        return Desired(snapshot: snapshot, apiIsAway: reason.withLock { $0 })
    }

    /// What would be done to the host's name server, a line each; empty when nothing. It is asked what it serves, as
    /// anybody would ask it; the contents of zones are not compared.
    package func names(for desired: HostSnapshot) async throws(NodeError) -> [String] {
        guard let server = ports.names else { return [] }
        let running = await ports.daemons.observe()[DaemonInstance.nameServer]
        let zones = desired.names.zones.values.sorted { $0.domain < $1.domain }
        guard !zones.isEmpty else {
            return running == nil ? [] : ["stop the name server, and remove its zones and keys"]
        }
        let (keys, _) = try await server.transferKeys()
        let places = server.places
        let (configuration, problems) = NameServerPlan.configuration(
            zones,
            NameServerPlan.Surroundings(
                addresses: [desired.host.vtep] + (desired.host.serviceAddress.map { [$0] } ?? []), run: places.run,
                storage: places.storage, pidFile: places.pidFile, keys: keys))
        var lines: [String] = []
        if running?.isRunning != true {
            lines.append("start the name server")
        } else if running?.configuration != configuration.text {
            lines.append("give the name server another configuration")
        }
        for zone in zones {
            let count = desired.names.records[zone.id]?.count ?? 0
            if case .serial = await server.ask(desired.host.vtep, of: zone.domain) {
            } else {
                lines.append("serve zone \(zone.domain): \(count) record sets")
            }
            if let problem = problems[zone.id] { lines.append("zone \(zone.domain): \(problem)") }
        }
        return lines
    }

    package func plan(for desired: HostSnapshot) async throws(NodeError) -> HostPlan {
        HostPlanner.plan(
            desired: desired,
            observed: try await HostObserver(ports, logger).everything(wanted: desired.namespaces))
    }
}
