package import ComputeModel
package import ComputeService
package import Logging
import NetworkModel
package import Resources
import Synchronization

/// Makes the ports of VMs, binds them to the hosts where the VMs are placed, and takes them away with the VMs; tells who
/// asks what became of them.
///
/// It remembers nothing that matters: what is wanted is in the compute store, what there is in the network's, and what was
/// made is known by its label and its name. So a crash between two steps leaves nothing half-made that the next round does
/// not see. One at a time is enough; two do no harm, since both make the same.
/// Concurrency: any task; `run` once.
package final class PortKeeper: PortDirectory {
    private struct State {
        /// Whether it has looked at all.
        var isKnown = false
        var ports: [ResourceID: [Int: InterfaceOrder]] = [:]
        var counts: [ResourceID: Int] = [:]
        /// VMs of which it is sure that they have not all of their ports.
        var lacking: Set<ResourceID> = []
        var followers: [UInt64: AsyncStream<Void>.Continuation] = [:]
        var number: UInt64 = 0
        /// How often it has looked.
        var looks: UInt64 = 0
    }

    private let service: ComputeService
    private let network: NetworkClient
    private let logger: Logger
    private let state = Mutex(State())

    /// Between two looks at ports that are not wired yet; it doubles up to `sweep`.
    private static let firstLook = Duration.milliseconds(50)
    /// Between two looks at the projects of VMs: so long it takes to see that somebody deleted a port.
    private static let look = Duration.seconds(3)
    /// Between two looks at everything.
    private static let sweep = Duration.seconds(10)
    /// Of a settled cloud each project asks the API for two lists in a look: with many, looks are rarer, for 100 requests a
    /// second at most.
    private static let share = Duration.milliseconds(20)

    package init(service: ComputeService, network: NetworkClient, logger: Logger) {
        self.service = service
        self.network = network
        self.logger = logger
    }

    package func ports(of vm: ResourceID) -> [InterfaceOrder]? {
        state.withLock { state in
            guard let ports = state.ports[vm] else { return state.counts[vm] == 0 ? [] : nil }
            guard ports.count == state.counts[vm] else { return nil }
            return ports.sorted { $0.key < $1.key }.map(\.value)
        }
    }

    package func remainder(of vm: ResourceID) -> [InterfaceOrder]? {
        state.withLock { state in
            guard state.lacking.contains(vm) else { return nil }
            return state.ports[vm, default: [:]].sorted { $0.key < $1.key }.map(\.value)
        }
    }

    /// Whose port an attachment is.
    /// - Returns: nil where it is no VM's.
    /// - Throws: `unavailable` before it has looked for the first time.
    func vm(with attachment: ResourceID) throws(Problem) -> ResourceID? {
        let (isKnown, vm) = state.withLock { state in
            (state.isKnown, state.ports.first { $0.value.values.contains { $0.attachment == attachment } }?.key)
        }
        guard isKnown else { throw Problem(.unavailable, "the ports of VMs are being looked at; try again") }
        return vm
    }

    package func signals() -> AsyncStream<Void> {
        let (signals, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let number = state.withLock { state in
            state.number += 1
            state.followers[state.number] = continuation
            return state.number
        }
        continuation.onTermination = { _ in self.state.withLock { $0.followers[number] = nil } }
        continuation.yield()
        return signals
    }

    /// Ends by cancellation, or with the cache's streams.
    package func run() async {
        let (looks, look) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        await withDiscardingTaskGroup { group in
            group.addTask {
                for await _ in self.service.cache.signals() { look.yield() }
                look.finish()
            }
            defer { group.cancelAll() }
            var (wait, nextSweep, seen) = (Self.firstLook, ContinuousClock.now, [PlacedMachine]())
            var complaint: String?
            var leftovers: [String: String] = [:]
            for await _ in looks {
                let machines = service.cache.placed().machines
                let isNews = machines != seen
                if isNews { wait = Self.firstLook }
                let isSweep = ContinuousClock.now >= nextSweep
                var (isSettled, rest) = (false, Self.look)
                do {
                    let found = try await settle(machines, formerly: seen, all: isSweep)
                    isSettled = found.isSettled
                    rest = max(Self.look, Self.share * Set(machines.map(\.project.id)).count)
                    // A look at fewer projects says nothing of the others.
                    for (name, reason) in found.leftovers where leftovers[name] != reason {
                        logger.warning(
                            "a port of a VM that is gone stays",
                            metadata: ["attachment": "\(name)", "reason": "\(reason)"])
                    }
                    leftovers = isSweep ? found.leftovers : leftovers.merging(found.leftovers) { $1 }
                    seen = machines
                    if isSweep { nextSweep = .now + max(Self.sweep, Self.share * found.projects) }
                    complaint = nil
                } catch {
                    if complaint != "\(error)" {
                        logger.warning("ports of VMs cannot be looked after", metadata: ["reason": "\(error)"])
                    }
                    complaint = "\(error)"
                }
                // What is not wired yet is looked at again soon, what cannot be done less and less often.
                let pause = isSettled ? rest : wait
                wait = min(wait * 2, Self.look)
                let number = state.withLock { state in
                    state.looks += 1
                    return state.looks
                }
                group.addTask {
                    // The only error of a sleep is cancellation.
                    try? await Task.sleep(for: pause)
                    // A look since has its own pause: or each signal would begin a row of looks without an end.
                    if self.state.withLock({ $0.looks }) == number { look.yield() }
                }
            }
        }
    }

    /// One round.
    /// - Parameters: `formerly` is what the last round saw; with `all` every project is looked at, else those with VMs.
    /// - Returns: whether every port is wired, what is over and stays, and how many projects were looked at.
    private func settle(
        _ machines: [PlacedMachine], formerly: [PlacedMachine], all: Bool
    ) async throws -> (isSettled: Bool, leftovers: [String: String], projects: Int) {
        try await service.cache.wait(for: .zero)
        let wanted = Dictionary(grouping: machines.flatMap(WantedPort.all(of:)), by: \.project.id)
        var projects = Set((machines + formerly).map(\.project.id))
        if all { projects.formUnion(try await network.projects()) }
        var rounds: [ResourceID: [Int: InterfaceOrder]] = [:]
        var isSettled = true
        var leftovers: [String: String] = [:]
        var lacking: Set<ResourceID> = []
        for project in projects.sorted() {
            var round = PortRound(
                network: network, project: project, living: service.cache.machineIDs,
                known: Set(machines.map(\.id)), logger: logger)
            try await round.run(wanted[project] ?? [])
            rounds.merge(round.ports) { $1 }
            isSettled = isSettled && round.isSettled
            leftovers.merge(round.leftovers) { $1 }
            for (vm, obstacle) in round.obstacles {
                if obstacle.isSure { lacking.insert(vm) }
                // Of one that runs it is no news that the network does not answer.
                if obstacle.isSure || !service.isTaken(vm) { await say(obstacle.reason, of: vm) }
            }
            for port in wanted[project] ?? [] where round.obstacles[port.vm] == nil { await say(nil, of: port.vm) }
        }
        for machine in machines where machine.networks.isEmpty { await say(nil, of: machine.id) }
        publish(rounds, counts: Dictionary(machines.map { ($0.id, $0.networks.count) }) { $1 }, lacking)
        return (isSettled, leftovers, projects.count)
    }

    private func publish(
        _ ports: [ResourceID: [Int: InterfaceOrder]], counts: [ResourceID: Int], _ lacking: Set<ResourceID>
    ) {
        let followers = state.withLock { state in
            state.isKnown = true
            guard state.ports != ports || state.counts != counts || state.lacking != lacking else {
                return [AsyncStream<Void>.Continuation]()
            }
            state.ports = ports
            state.counts = counts
            state.lacking = lacking
            return Array(state.followers.values)
        }
        for follower in followers { follower.yield() }
    }

    /// A VM says itself what it waits for: its host knows only of ports that there are.
    private func say(_ reason: String?, of vm: ResourceID) async {
        do throws(Problem) { try await service.reportPorts(of: vm, missing: reason) } catch {
            logger.warning("a VM's obstacle cannot be said", metadata: ["vm": "\(vm)", "reason": "\(error)"])
        }
    }
}
