import ComputeModel
import ComputePlanning
import ComputePorts
import DomainXML
import HostState
import Logging
import Resources

/// What the agent knows, and the turn by which it comes closer to its orders: look, plan, hand out steps, report.
/// Owned by the one loop of `ComputeAgent`; never shared.
struct AgentTurn: Sendable {
    private let agent: ComputeAgent
    private var state: AgentState
    private var saved: AgentState
    private var memory = TurnMemory()
    private var busy: [ResourceID: [ComputeStep]] = [:]
    private var backoff: Backoff<ResourceID>
    private var failures: [ResourceID: Obstacle] = [:]
    private var reports = ReportBook()
    private var isMeasured = false
    /// Whose removal was said since the agent last said that nothing is left of them.
    private var removed: Set<ResourceID> = []
    /// What is wrong with the orders, the hypervisor, or the disks.
    private var troubles: [String: String] = [:]

    struct Lane: Sendable {
        var vm: ResourceID
        var order: MachineOrder?
        var steps: [ComputeStep]
    }

    struct Result: Sendable {
        var lanes: [Lane] = []
        /// When to look again in any case.
        var wake: ContinuousClock.Instant?
    }

    init(_ agent: ComputeAgent, _ state: AgentState) {
        self.agent = agent
        self.state = state
        saved = state
        backoff = Backoff(first: agent.settings.firstWait, limit: agent.settings.longestWait)
    }

    mutating func take(_ content: AgentInbox.Content, _ outbox: ReportOutbox) async -> Result {
        let now = ContinuousClock.now
        if let orders = content.orders { take(orders) }
        removed.formUnion(content.removed)
        for end in content.ended { take(end, at: now) }
        for vm in content.rebooted { memory.rebooted(vm, &state.reboots) }
        var result = Result()
        if let host = await look() {
            adopt(host)
            noteAbsent(host, now, outbox)
            save()
            if let orders = state.orders { result.lanes = plan(orders, host, now) }
            report(host, outbox)
            result.wake = [
                memory.nextDue(state.orders, absence: agent.settings.absence, after: now), backoff.nextDue(after: now),
            ].compactMap { $0 }
                .min()
        } else {
            reportTrouble(outbox)
        }
        return result
    }

    // MARK: orders

    /// Refuses orders for another host, and those of a server that is behind: either could remove what is in use.
    private mutating func take(_ orders: HostOrders) {
        if let known = state.orders {
            guard known.computeHost == orders.computeHost else {
                troubles["orders"] =
                    "the server orders for compute host \(orders.computeHost), and this one was \(known.computeHost): "
                    + "nothing is changed; remove \(agent.statePath) if that is meant"
                return
            }
            guard known.revision <= orders.revision else {
                troubles["orders"] =
                    "the server's orders (revision \(orders.revision)) are older than those known "
                    + "(\(known.revision)): nothing is changed; remove \(agent.statePath) if its store was restored"
                return
            }
        }
        troubles["orders"] = nil
        var orders = orders
        // What cannot be said now is as it was said last.
        for vm in orders.kept { orders.machines[vm] = state.orders?.machines[vm] }
        state.orders = orders
    }

    private mutating func noteAbsent(
        _ host: ObservedComputeHost, _ now: ContinuousClock.Instant, _ outbox: ReportOutbox
    ) {
        guard let orders = state.orders else { return }
        let here = Set(host.domains.keys).union(host.files.disks.keys).union(host.files.seeds.keys)
        memory.note(
            absent: here.filter { orders.machines[$0] == nil && !orders.kept.contains($0) }, removed: removed, at: now)
        for vm in removed where orders.machines[vm] != nil || orders.kept.contains(vm) { removed.remove(vm) }
        for vm in removed where !here.contains(vm) && busy[vm] == nil {
            outbox.sayGone(vm)
            removed.remove(vm)
        }
    }

    private mutating func save() {
        let known = Set(state.orders?.machines.keys.map { $0 } ?? [])
        state.reboots = state.reboots.filter { known.contains($0.key) }
        guard state != saved else { return }
        do throws(FileError) {
            try state.save(agent.statePath)
            saved = state
            troubles["state"] = nil
        } catch { troubles["state"] = "what is known cannot be kept: \(error)" }
    }

    // MARK: looking

    private mutating func look() async -> ObservedComputeHost? {
        do {
            let view = try await agent.ports.hypervisor.look()
            var files = try await agent.ports.disks.look()
            files.images = Set(try await agent.ports.images.list().filter(\.isReady).map(\.id))
            if !isMeasured {
                let machine = try await agent.ports.hypervisor.capacity()
                state.capacity = Capacity(
                    cpus: machine.cpus, memoryMiB: machine.memoryMiB,
                    diskGiB: try await agent.ports.disks.capacityGiB())
                isMeasured = true
            }
            if troubles.removeValue(forKey: "host") != nil { agent.logger.info("the hypervisor answers again") }
            return ObservedComputeHost(
                domains: view.domains, foreign: view.foreign, files: files,
                acceleration: agent.facts.hasKVM ? .kvm : .tcg)
        } catch {
            if troubles["host"] == nil {
                agent.logger.warning("the host cannot be looked at", metadata: ["reason": "\(error)"])
            }
            troubles["host"] = "\(error)"
            return nil
        }
    }

    /// Takes from what is there what no longer needs to be remembered, and over what was there before the agent.
    private mutating func adopt(_ host: ObservedComputeHost) {
        memory.forget { vm in host.domains[vm]?.isOff ?? true }
        for order in state.orders.map({ Array($0.machines.values) }) ?? [] {
            // A VM that does not run, and one never seen, has nothing to reboot.
            if state.reboots[order.id] == nil || (host.domains[order.id]?.isOff ?? true) {
                state.reboots[order.id] = order.reboots
            }
        }
    }

    // MARK: planning

    private mutating func plan(
        _ orders: HostOrders, _ host: ObservedComputeHost, _ now: ContinuousClock.Instant
    ) -> [Lane] {
        let plan = agent.planner.plan(orders, host, memory.seen(orders, state.reboots, at: now))
        memory.obstacles = plan.obstacles
        var fetched = Set(busy.values.flatMap { $0 }.compactMap(\.fetchedImage))
        var lanes: [Lane] = []
        for (vm, steps) in plan.steps.sorted(by: { $0.key < $1.key }) {
            guard busy[vm] == nil, !backoff.isWaiting(vm, at: now), busy.count < agent.settings.lanes else { continue }
            if orders.machines[vm] == nil {
                guard memory.mayRemove(vm, after: agent.settings.absence, at: now) else { continue }
            }
            if let image = steps.lazy.compactMap(\.fetchedImage).first {
                // One of the VMs that need an image fetches it.
                guard fetched.insert(image).inserted else {
                    memory.obstacles[vm, default: []].append(Obstacle(.diskReady, "its image is on its way"))
                    continue
                }
            }
            busy[vm] = steps
            lanes.append(Lane(vm: vm, order: orders.machines[vm], steps: steps))
        }
        for vm in failures.keys where plan.steps[vm] == nil && busy[vm] == nil { failures[vm] = nil }
        return lanes
    }

    private mutating func take(_ end: LaneEnd, at now: ContinuousClock.Instant) {
        busy[end.vm] = nil
        for (step, at) in end.done {
            agent.logger.info("done", metadata: ["vm": "\(end.vm)", "step": "\(step)"])
            memory.did(step, end.vm, at: at, &state.reboots)
        }
        if let failure = end.failure {
            let obstacle = Obstacle(failure.step.condition, failure.reason)
            if failures[end.vm] != obstacle {
                agent.logger.warning(
                    "failed",
                    metadata: ["vm": "\(end.vm)", "step": "\(failure.step)", "reason": "\(failure.reason)"])
            }
            failures[end.vm] = obstacle
            backoff.failed(end.vm, at: now, jitter: .random(in: 0...1))
        } else {
            failures[end.vm] = nil
            backoff.succeeded(end.vm)
        }
    }

    // MARK: reporting

    private mutating func report(_ host: ObservedComputeHost, _ outbox: ReportOutbox) {
        for order in state.orders.map({ Array($0.machines.values) }) ?? [] {
            let standing = MachineStanding(
                order: order, domain: host.domains[order.id],
                hasDisk: host.files.disks[order.id]?.contains { $0.fence == order.fence } ?? false,
                obstacles: memory.obstacles[order.id] ?? [], failure: failures[order.id],
                isBusy: busy[order.id] != nil)
            if let report = reports.news(standing) { outbox.say(report, of: order.id) }
        }
        reports.keep(Set(state.orders?.machines.keys.map { $0 } ?? []))
        if let report = reports.news(host, agent.facts, state.capacity ?? .zero, message) { outbox.say(report) }
    }

    /// While nothing can be seen the VMs' last reports stand: they are not known to be otherwise.
    private mutating func reportTrouble(_ outbox: ReportOutbox) {
        if let report = reports.trouble(message, agent.facts, state.capacity ?? .zero) { outbox.say(report) }
    }

    private var message: String { troubles.sorted { $0.key < $1.key }.map(\.value).joined(separator: "; ") }
}

extension ComputeStep {
    fileprivate var fetchedImage: ResourceID? { if case .fetchImage(let image) = self { image.id } else { nil } }
}
