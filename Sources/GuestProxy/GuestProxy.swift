import Addressing
import DaemonConfigs
import FoundationEssentials
import Glibc
package import NIOCore
import NIOPosix

/// Layer 5. Hears guests of one gateway and hands their connections on, each with the id of the attachment that the
/// source address is bound to. An address that is nobody's gets nothing.
///
/// It is told everything by one file, which it reads again when it is asked to; connections outlive that. Level-triggered:
/// every second it looks whether it listens where it shall, and whether consumers are there.
package actor GuestProxy {
    typealias Identifier = GuestProxyConfiguration.Identifier

    private struct Visitor: Hashable {
        var attachment: Identifier
        var service: Identifier
    }

    private let file: String
    let group: any EventLoopGroup
    private var configuration = GuestProxyConfiguration()
    private var listeners: [Listener: any Channel] = [:]
    private var silentConsumers: [Identifier: String] = [:]
    /// Services whose consumer was looked for.
    private var known: Set<GuestProxyConfiguration.Service> = []
    private var deafPlaces: [GuestProxyConfiguration.Place: String] = [:]
    private var connections: [Visitor: Int] = [:]
    private var strangers = 0
    private let pokes: AsyncStream<Void>
    private let poke: AsyncStream<Void>.Continuation

    /// Of all guests together; each has two descriptors.
    private static let maximumConnections = 4000
    /// An address that was granted a moment ago is not known here yet: an agent publishes what it granted once a second.
    private static let patience = Duration.seconds(3)
    private static let maximumStrangers = 256

    /// - Parameter file: the configuration; the control socket is beside it.
    package init(file: String, on group: any EventLoopGroup) {
        self.file = file
        self.group = group
        (pokes, poke) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Runs until cancelled.
    /// - Parameter ready: called once when it can be asked.
    /// - Throws: when its file cannot be read or its control socket cannot be made.
    package func run(ready: @Sendable () throws -> Void) async throws {
        try load()
        let control = try await bindControl(beside: file)
        try await withThrowingDiscardingTaskGroup { tasks in
            tasks.addTask { try await self.answer(control) }
            tasks.addTask {
                while true {
                    self.poke.yield()
                    try await Task.sleep(for: .seconds(1))
                }
            }
            tasks.addTask {
                while true {
                    await self.lookAtConsumers()
                    try await Task.sleep(for: .seconds(1))
                }
            }
            try ready()
            for await _ in pokes {
                for (listener, server) in await listen() {
                    tasks.addTask { await self.accept(server, at: listener) }
                }
            }
        }
    }

    /// Reads the file again.
    func load() throws {
        let text = try String(contentsOfFile: file, encoding: .utf8)
        configuration = try GuestProxyConfiguration(parsing: text)
        let ids = Set(configuration.services.map(\.id))
        silentConsumers = silentConsumers.filter { ids.contains($0.key) }
        known.formIntersection(configuration.services)
        poke.yield()
    }

    /// A line for each thing that is wrong: a service's id, or `-` for all, and words; words alone for what is not known.
    var problems: [String] {
        let isSettled = configuration.services.allSatisfy(known.contains)
        return (isSettled ? [] : [GuestProxyConfiguration.unsettled])
            + silentConsumers.map { "\($0.key) \($0.value)" }.sorted() + deafPlaces.map { "- \($0.value)" }.sorted()
    }

    // MARK: Listening

    /// Stops listening where it shall not, and begins where it shall.
    private func listen() async -> [(Listener, NIOAsyncChannel<Connection, Never>)] {
        let ports = configuration.services.map(\.port)
        var wanted: Set<Listener> = []
        var deaf: [GuestProxyConfiguration.Place: String] = [:]
        for place in configuration.places {
            for port in ports {
                if let listener = Listener(place, port) {
                    wanted.insert(listener)
                } else {
                    deaf[place] = "there is no interface \(place.interface)"
                }
            }
        }
        for (listener, channel) in listeners where !wanted.contains(listener) || !channel.isActive {
            listeners[listener] = nil
            channel.close(promise: nil)
        }
        var new: [(Listener, NIOAsyncChannel<Connection, Never>)] = []
        for listener in wanted where listeners[listener] == nil {
            do {
                let server = try await listener.bind(on: group)
                listeners[listener] = server.channel
                new.append((listener, server))
            } catch {
                deaf[listener.place] = "cannot listen at \(listener.place) port \(listener.port): \(error)"
            }
        }
        deafPlaces = deaf
        return new
    }

    private nonisolated func accept(_ server: NIOAsyncChannel<Connection, Never>, at listener: Listener) async {
        // Its end is a listener that is closed; the next look opens it again where it shall be.
        try? await server.executeThenClose { inbound in
            try await withThrowingDiscardingTaskGroup { tasks in
                for try await connection in inbound {
                    tasks.addTask { await GuestConnection(self, connection, listener).serve() }
                }
            }
        }
    }

    // MARK: Guests

    /// The service at that port; nil when there is none (any more).
    func service(at port: UInt16) -> GuestProxyConfiguration.Service? {
        configuration.services.first { $0.port == port }
    }

    /// The attachment that has the address, which may take a moment to be known; nil when none has it.
    func attachment(at place: GuestProxyConfiguration.Place) async -> Identifier? {
        if let known = configuration.guests[place] { return known }
        guard strangers < Self.maximumStrangers else { return nil }
        strangers += 1
        defer { strangers -= 1 }
        let limit = ContinuousClock.now + Self.patience
        while limit > .now, !Task.isCancelled {
            // Cancelled: the loop ends.
            try? await Task.sleep(for: .milliseconds(50))
            if let known = configuration.guests[place] { return known }
        }
        return nil
    }

    /// Whether the attachment may have one more connection to the service; then `left` must be called at its end.
    func admits(_ attachment: Identifier, to service: GuestProxyConfiguration.Service) -> Bool {
        let visitor = Visitor(attachment: attachment, service: service.id)
        let all = connections.values.reduce(0, +)
        guard connections[visitor, default: 0] < service.connections, all < Self.maximumConnections else {
            return false
        }
        connections[visitor, default: 0] += 1
        return true
    }

    func left(_ attachment: Identifier, _ service: GuestProxyConfiguration.Service) {
        let visitor = Visitor(attachment: attachment, service: service.id)
        let rest = connections[visitor, default: 1] - 1
        connections[visitor] = rest == 0 ? nil : rest
    }

    // MARK: Consumers

    private func lookAtConsumers() async {
        for service in configuration.services {
            let problem = await service.consumer.problem(on: group)
            // Another configuration may have come meanwhile.
            guard configuration.services.contains(service) else { continue }
            silentConsumers[service.id] = problem
            known.insert(service)
        }
    }
}
