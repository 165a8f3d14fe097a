import ComputeModel
import HostState
import Logging
import Resources
import Synchronization

/// Reports on their way to the server: of each thing the newest, again and again until one is taken.
final class ReportOutbox: Sendable {
    private struct Content {
        var host: ComputeHostReport?
        var machines: [ResourceID: VirtualMachineReport] = [:]
        /// VMs of which nothing is left.
        var gone: Set<ResourceID> = []
    }

    private let upstream: any ComputeUpstream
    private let settings: ComputeAgentSettings
    private let logger: Logger
    private let content = Mutex(Content())
    private let wakeups: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    init(_ upstream: any ComputeUpstream, _ settings: ComputeAgentSettings, _ logger: Logger) {
        self.upstream = upstream
        self.settings = settings
        self.logger = logger
        (wakeups, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    func say(_ report: ComputeHostReport) {
        content.withLock { $0.host = report }
        signal.yield()
    }

    func say(_ report: VirtualMachineReport, of vm: ResourceID) {
        content.withLock { $0.machines[vm] = report }
        signal.yield()
    }

    /// That nothing is left of a VM whose removal was told.
    func sayGone(_ vm: ResourceID) {
        content.withLock { content in
            content.machines[vm] = nil
            content.gone.insert(vm)
        }
        signal.yield()
    }

    /// Returns when cancelled.
    func run() async {
        var backoff = Backoff<Int>(first: settings.firstWait, limit: settings.longestWait)
        for await _ in wakeups {
            do throws(UpstreamError) {
                try await sendAll()
                backoff.succeeded(0)
            } catch {
                if backoff.failures(of: 0) == 0 {
                    logger.warning("reports cannot be sent", metadata: ["reason": "\(error)"])
                }
                let now = ContinuousClock.now
                backoff.failed(0, at: now, jitter: .random(in: 0...1))
                // The only error of a sleep is cancellation.
                do { try await Task.sleep(until: backoff.nextDue(after: now) ?? now, clock: .continuous) } catch {
                    return
                }
                signal.yield()
            }
        }
    }

    private func sendAll() async throws(UpstreamError) {
        if let report = content.withLock({ $0.host }) {
            try await upstream.send(report)
            content.withLock { if $0.host == report { $0.host = nil } }
        }
        for vm in content.withLock({ $0.gone }) {
            try await upstream.acknowledge(removalOf: vm)
            content.withLock { _ = $0.gone.remove(vm) }
        }
        for (vm, report) in content.withLock({ $0.machines }) {
            try await upstream.send(report, of: vm)
            content.withLock { if $0.machines[vm] == report { $0.machines[vm] = nil } }
        }
    }
}
