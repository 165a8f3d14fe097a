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

    package func plan(for desired: HostSnapshot) async throws(NodeError) -> HostPlan {
        HostPlanner.plan(
            desired: desired,
            observed: try await HostObserver(ports, logger).everything(wanted: desired.namespaces))
    }
}
