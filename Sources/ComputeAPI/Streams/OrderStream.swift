import ComputeModel
import ComputeService
import HTTPServing
import Resources

/// Tells one compute host's agent what it shall run: everything first, then what changes.
///
/// Each time all is looked at and compared with what was said: an event that was missed costs time, not truth. A VM that is
/// placed here and cannot be told of yet, because its image or its ports are not there, is said to be kept: the agent
/// removes what it does not hear of, disk and all.
struct OrderStream: Sendable {
    let service: ComputeService
    let ports: any PortDirectory
    let computeHost: ResourceID

    var source: EventSource {
        let pulse = Pulse([service.cache.signals(), ports.signals()])
        return { writer in try await run(pulse, &writer) }
    }

    private func run(_ pulse: Pulse, _ writer: inout EventWriter) async throws {
        var told: [ResourceID: OrderEvent] = [:]
        var isFirst = true
        var consoles: [ConsoleOrder] = []
        try await send(.beginning(computeHost: computeHost), &writer)
        try await pulse.whileBeating {
            for await _ in pulse.beats {
                guard service.cache.computeHost(computeHost.description) != nil else { return }
                let placed = service.cache.placed(on: computeHost)
                let events = events(placed, told)
                let news =
                    told.keys.sorted().filter { events[$0] == nil && told[$0] != .removed($0) }.map {
                        OrderEvent.removed($0)
                    }
                    + events.sorted { $0.key < $1.key }.filter { told[$0.key] != $0.value }.map(\.value)
                for event in news { try await send(event, &writer) }
                told = events
                if isFirst || !news.isEmpty { try await send(.complete(placed.revision), &writer) }
                isFirst = false
                let now = service.cache.consoles(on: computeHost)
                if now != consoles { try await send(.consoles(now), &writer) }
                consoles = now
                try await writer.flush()
                try await writer.keepAlive()
            }
        }
    }

    /// What is to be said of each VM that is placed here.
    private func events(_ placed: Placed, _ told: [ResourceID: OrderEvent]) -> [ResourceID: OrderEvent] {
        // One whose ports are being made again stays as it was last said.
        var events = Dictionary(uniqueKeysWithValues: placed.ids.map { ($0, told[$0] ?? .kept($0)) })
        for machine in placed.machines {
            if let order = order(machine) { events[machine.id] = .order(order) }
        }
        // Of those that went while the agent did not listen too.
        for vm in service.cache.removals(on: computeHost) where events[vm] == nil { events[vm] = .removed(vm) }
        return events
    }

    private func order(_ machine: PlacedMachine) -> MachineOrder? {
        guard machine.hasImage, let interfaces = interfaces(machine) else { return nil }
        return MachineOrder(
            id: machine.id, project: machine.project.name, name: machine.name, generation: machine.generation,
            fence: machine.fence, machine: machine.machine, image: machine.image, interfaces: interfaces,
            guest: machine.guest, power: machine.power, reboots: machine.reboots)
    }

    /// One that shall not run needs no port: it ends, and can be deleted, with those that there are.
    private func interfaces(_ machine: PlacedMachine) -> [InterfaceOrder]? {
        if let all = ports.ports(of: machine.id), all.count == machine.networks.count { return all }
        return machine.power == .off ? ports.remainder(of: machine.id) : nil
    }

    private func send(_ event: OrderEvent, _ writer: inout EventWriter) async throws {
        try await writer.event("order", data: event.json)
    }
}
