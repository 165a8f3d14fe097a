package import ComputeModel
package import ComputePlanning
import ComputePorts
import HostState
package import Logging
import Resources
import ServiceLifecycle
import Synchronization

/// Layer 6. The agent of a compute host: takes what the server orders, makes it so through the ports of `ComputePorts`,
/// and says what it found. It decides nothing (that is `ComputePlanning`) and knows no hypervisor and no HTTP.
///
/// One level-triggered loop: orders, events and clocks only say where to look again. When it ends, in whatever way, VMs
/// go on as they are; the next agent takes them over by looking.
package struct ComputeAgent: Service, CustomStringConvertible {
    let ports: ComputeHostPorts
    let upstream: any ComputeUpstream
    let planner: ComputePlanner
    let settings: ComputeAgentSettings
    let facts: Facts
    let statePath: String
    let logger: Logger
    let turned: @Sendable () -> Void

    /// What does not change while the agent runs.
    package struct Facts: Sendable {
        package var architecture: Architecture
        package var hasKVM: Bool

        package init(architecture: Architecture, hasKVM: Bool) {
            self.architecture = architecture
            self.hasKVM = hasKVM
        }
    }

    /// - Parameters:
    ///   - statePath: of the file that outlives the agent; its folder must exist.
    ///   - turned: told after each turn, at least every `settings.look`.
    package init(
        ports: ComputeHostPorts, upstream: any ComputeUpstream, planner: ComputePlanner, facts: Facts,
        settings: ComputeAgentSettings = ComputeAgentSettings(), statePath: String, logger: Logger,
        turned: @escaping @Sendable () -> Void = {}
    ) {
        self.ports = ports
        self.upstream = upstream
        self.planner = planner
        self.facts = facts
        self.settings = settings
        self.statePath = statePath
        self.logger = logger
        self.turned = turned
    }

    package var description: String { "compute agent" }

    /// Runs until cancelled or gracefully shut down. VMs stay as they are.
    /// - Throws: when what it knew before cannot be read.
    package func run() async throws {
        let state = try AgentState.load(statePath)
        try await cancelWhenGracefulShutdown { try await work(state) }
    }

    private func work(_ state: AgentState) async throws {
        let inbox = AgentInbox()
        let outbox = ReportOutbox(upstream, settings, logger)
        let consoles = ConsoleDesk(ports, upstream, logger)
        var turn = AgentTurn(self, state)
        let events = ports.hypervisor.events()
        await withDiscardingTaskGroup { group in
            group.addTask { await outbox.run() }
            group.addTask { await follow(inbox, consoles) }
            group.addTask { await consoles.run() }
            group.addTask { await lookRegularly(inbox) }
            group.addTask { await renewRegularly() }
            group.addTask {
                for await event in events {
                    inbox.post { if case .rebooted(let vm) = event { $0.rebooted.insert(vm) } }
                }
            }
            inbox.post()
            for await _ in inbox.wakeups {
                let result = await turn.take(inbox.take(), outbox)
                turned()
                for lane in result.lanes {
                    let executor = StepExecutor(ports: ports, upstream: upstream)
                    group.addTask {
                        let end = await executor.run(lane.steps, of: lane.order, lane.vm)
                        inbox.post { $0.ended.append(end) }
                    }
                }
                if let wake = result.wake {
                    group.addTask {
                        // Cancelled with the group; then nobody waits for the wake.
                        do { try await Task.sleep(until: wake, clock: .continuous) } catch { return }
                        inbox.post()
                    }
                }
            }
            group.cancelAll()
        }
        logger.info("the compute agent ends; VMs stay as they are")
    }

    private func lookRegularly(_ inbox: AgentInbox) async {
        while !Task.isCancelled {
            // The only error of a sleep is cancellation.
            do { try await Task.sleep(for: settings.look) } catch { return }
            inbox.post()
        }
    }

    private func renewRegularly() async {
        while !Task.isCancelled {
            // The stream of orders says when the server is away; one lost renewal is not worth a word to people.
            try? await upstream.renew()
            // The only error of a sleep is cancellation.
            do { try await Task.sleep(for: settings.renewal) } catch { return }
        }
    }

    /// Keeps one connection to the server open.
    private func follow(_ inbox: AgentInbox, _ consoles: ConsoleDesk) async {
        var backoff = Backoff<Int>(first: settings.firstWait, limit: settings.longestWait)
        while !Task.isCancelled {
            let collection = Mutex(OrderCollection())
            let removed = Mutex<Set<ResourceID>>([])
            let mistake = Mutex<String?>(nil)
            var reason = "the server ended the stream"
            do throws(UpstreamError) {
                try await upstream.follow { event in
                    if case .consoles(let orders) = event { consoles.set(orders) }
                    if case .removed(let vm) = event { removed.withLock { _ = $0.insert(vm) } }
                    do throws(FieldError) {
                        guard let orders = try collection.withLock({ c throws(FieldError) in try c.take(event) })
                        else { return }
                        // With the orders that lack them: by those before, a removal would be taken for a mistake.
                        let gone = removed.withLock { removed in
                            defer { removed = [] }
                            return removed
                        }
                        inbox.post {
                            $0.orders = orders
                            $0.removed.formUnion(gone)
                            $0.upstream = ""
                        }
                    } catch { mistake.withLock { $0 = "the server says what it may not: \(error)" } }
                }
                backoff.succeeded(0)
            } catch { reason = "\(error)" }
            guard !Task.isCancelled else { return }
            let text = mistake.withLock { $0 } ?? reason
            if backoff.failures(of: 0) == 0 {
                logger.warning("the server is away; VMs stay as they are", metadata: ["reason": "\(text)"])
            }
            inbox.post { $0.upstream = text }
            let now = ContinuousClock.now
            backoff.failed(0, at: now, jitter: .random(in: 0...1))
            // The only error of a sleep is cancellation, which the loop's condition sees.
            do { try await Task.sleep(until: backoff.nextDue(after: now) ?? now, clock: .continuous) } catch {}
        }
    }
}
