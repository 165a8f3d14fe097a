import Addressing
import DaemonConfigs
import NetworkModel
package import NetworkPlanning
package import NodePorts
import Synchronization

/// The ports of a node over one `HostModel`, for tests of what stands on them. All calls are safe from any task.
package final class InMemoryHost: Sendable {
    private struct State {
        var model: HostModel
        var fault: (@Sendable (Operation) -> NodeError?)?
        var applied: [Operation] = []
        var linkListeners: [(namespace: NamespaceName?, stream: AsyncStream<LinkEvent>.Continuation)] = []
        var filterListeners: [AsyncStream<Void>.Continuation] = []
        var daemonListeners: [AsyncStream<Void>.Continuation] = []
    }

    private let state: Mutex<State>
    /// What rules of the packet filter would log: tests do it.
    package let packetLog = InMemoryPacketLog()
    /// What the agent sends to guests.
    package let sender = InMemoryFrameSender()
    /// What packets would have left behind in the packet filter.
    package let filterRecords = InMemoryFilterRecords()

    package init(_ model: HostModel = HostModel()) { state = Mutex(State(model: model)) }

    package var model: HostModel { state.withLock { $0.model } }

    /// The canonical dump.
    package var dump: String { model.description }

    /// Every operation that was tried since the last call, in order.
    package func takeApplied() -> [Operation] {
        state.withLock { state in
            defer { state.applied = [] }
            return state.applied
        }
    }

    /// Changes the host behind the agent's back, as an operator or a fault would; listeners are told.
    package func change<Result: Sendable>(_ body: @Sendable (inout HostModel) -> Result) -> Result {
        let (result, links, filters, daemons) = state.withLock {
            (body(&$0.model), $0.linkListeners, $0.filterListeners, $0.daemonListeners)
        }
        for listener in links { listener.stream.yield(.everything) }
        for listener in filters { listener.yield() }
        for listener in daemons { listener.yield() }
        return result
    }

    /// Lets operations fail: those for which `fault` answers with an error are not done.
    package func fail(_ fault: (@Sendable (Operation) -> NodeError?)?) { state.withLock { $0.fault = fault } }

    package var links: any LinkTable { Links(host: self) }
    package var filter: any PacketFilter { Filter(host: self) }
    package var namespaces: any Namespaces { NamespaceNames(host: self) }
    package var daemons: any DaemonSupervisor { Daemons(host: self) }
    package var packets: any PacketLog { packetLog }
    package var frames: any FrameSender { sender }
    package var firewalls: any GatewayFirewall { Firewalls(host: self) }
    package var export: any RouteExport { Export(host: self) }
    package var records: any FilterRecords { filterRecords }
    package var translators: any Translators { TranslatorsInMemory(host: self) }

    /// Does one step of a plan.
    package func apply(_ operation: Operation) throws(NodeError) {
        try perform(operation) { model throws(NodeError) in
            switch operation {
            case .link(let operation, in: let namespace): try model.apply(operation, in: namespace)
            case .filter(let operation): try model.apply([operation])
            case .createNamespace(let name): model.createNamespace(name, isUnfinished: true)
            case .deleteNamespace(let name): model.deleteNamespace(name)
            case .setForwarding(let on, in: let name): try model.setForwarding(on, in: name)
            case .firewall(let operation, in: let name): try model.apply(operation, in: name)
            case .export(let route): try model.export(route)
            case .withdraw(let route): model.withdraw(route)
            case .ensureDaemon(let spec): try model.ensure(spec)
            case .stopDaemon(let instance, let withdraw): model.stop(instance: instance, withdraw: withdraw)
            case .ensureTranslator(let spec, in: let name): try model.setTranslator(spec, in: name)
            case .removeTranslator(in: let name): try model.setTranslator(nil, in: name)
            }
        }
    }

    fileprivate func perform(
        _ operation: Operation, _ body: (inout HostModel) throws(NodeError) -> Void
    ) throws(NodeError) {
        let result: Result<[(namespace: NamespaceName?, stream: AsyncStream<LinkEvent>.Continuation)], NodeError> =
            state.withLock { state in
                state.applied.append(operation)
                if let error = state.fault?(operation) { return .failure(error) }
                do throws(NodeError) { try body(&state.model) } catch { return .failure(error) }
                return .success(state.linkListeners)
            }
        let listeners = try result.get()
        if case .link(let operation, in: let namespace) = operation {
            for listener in listeners where listener.namespace == namespace {
                listener.stream.yield(.link(operation.interface))
            }
        }
    }

    fileprivate func performAll(_ operations: [FilterOperation]) throws(NodeError) {
        let result: Result<Void, NodeError> = state.withLock { state in
            for operation in operations {
                state.applied.append(.filter(operation))
                if let error = state.fault?(.filter(operation)) { return .failure(error) }
            }
            do throws(NodeError) { try state.model.apply(operations) } catch { return .failure(error) }
            return .success(())
        }
        try result.get()
    }

    fileprivate func listenToLinks(in namespace: NamespaceName?) -> AsyncStream<LinkEvent> {
        let (stream, continuation) = AsyncStream.makeStream(of: LinkEvent.self)
        let exists = state.withLock { state in
            guard state.model[namespace] != nil else { return false }
            state.linkListeners.append((namespace, continuation))
            return true
        }
        if exists { continuation.yield(.everything) } else { continuation.finish() }
        return stream
    }

    fileprivate func listenToFilter() -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        state.withLock { $0.filterListeners.append(continuation) }
        return stream
    }

    fileprivate func listenToDaemons() -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        state.withLock { $0.daemonListeners.append(continuation) }
        return stream
    }
}

private struct Links: LinkTable {
    let host: InMemoryHost

    /// No frame ever goes anywhere on this host.
    func closedFrames() async throws(NodeError) -> [InterfaceName: UInt64] { [:] }

    func observe(in namespace: NamespaceName?) async throws(NodeError) -> ObservedLinks {
        let model = host.model
        guard let found = model[namespace] else {
            throw NodeError(.noSuchNamespace, operation: "observe", subject: namespace?.text ?? "")
        }
        return model.links(in: found)
    }

    func apply(_ operations: [LinkOperation], in namespace: NamespaceName?) async -> [OperationOutcome] {
        operations.map { operation in
            do throws(NodeError) {
                return .success(try host.apply(.link(operation, in: namespace)))
            } catch { return .failure(error) }
        }
    }

    func observe(links: Set<InterfaceName>, in namespace: NamespaceName?) async throws(NodeError) -> ObservedLinks {
        var observed = try await observe(in: namespace)
        observed.links = observed.links.filter { links.contains($0.key) }
        observed.floods = observed.floods.filter { links.contains($0.key) }
        observed.addresses = observed.addresses.filter { links.contains($0.key) }
        observed.routed.formIntersection(links)
        return observed
    }

    func events() -> AsyncStream<LinkEvent> { host.listenToLinks(in: nil) }
    func events(in namespace: NamespaceName?) -> AsyncStream<LinkEvent> { host.listenToLinks(in: namespace) }
}

private struct Filter: PacketFilter {
    let host: InMemoryHost

    func observe() async throws(NodeError) -> ObservedFilter { host.model.filter }
    func apply(_ operations: [FilterOperation]) async throws(NodeError) { try host.performAll(operations) }
    func meet(_ ports: Set<InterfaceName>) {}
    func events() -> AsyncStream<Void> { host.listenToFilter() }
}

private struct NamespaceNames: Namespaces {
    let host: InMemoryHost

    func list() async throws(NodeError) -> Set<NamespaceName> { Set(host.model.namespaces.keys) }
    func create(_ name: NamespaceName) async throws(NodeError) { try host.apply(.createNamespace(name)) }
    func delete(_ name: NamespaceName) async throws(NodeError) { try host.apply(.deleteNamespace(name)) }
    func setForwarding(_ on: Bool, in name: NamespaceName) async throws(NodeError) {
        try host.apply(.setForwarding(on, in: name))
    }
}

private struct Daemons: DaemonSupervisor {
    let host: InMemoryHost

    func observe() async -> [String: ObservedDaemon] { host.model.observed.daemons }
    func ensure(_ spec: DaemonSpec) async throws(NodeError) { try host.apply(.ensureDaemon(spec)) }
    func stop(instance: String, withdraw: Bool) async throws(NodeError) {
        try host.apply(.stopDaemon(instance: instance, withdraw: withdraw))
    }
    /// No server runs in memory.
    func leases(instance: String) async throws(NodeError) -> [Lease] { [] }
    func events() -> AsyncStream<Void> { host.listenToDaemons() }
}

private struct Firewalls: GatewayFirewall {
    let host: InMemoryHost

    func observe(in namespace: NamespaceName) async throws(NodeError) -> ObservedFirewall {
        host.model.firewalls[namespace] ?? ObservedFirewall()
    }
    func apply(_ operation: FirewallOperation, in namespace: NamespaceName) async throws(NodeError) {
        try host.apply(.firewall(operation, in: namespace))
    }
    func drops(in namespace: NamespaceName) async throws(NodeError) -> [String: UInt64] { [:] }
}

private struct Export: RouteExport {
    let host: InMemoryHost

    func exported() async throws(NodeError) -> Set<Route> { host.model.exports }
    func export(_ route: Route) async throws(NodeError) { try host.apply(.export(route)) }
    func withdraw(_ route: Route) async throws(NodeError) { try host.apply(.withdraw(route)) }
}

private struct TranslatorsInMemory: Translators {
    let host: InMemoryHost

    func observe(in namespace: NamespaceName) async throws(NodeError) -> TranslatorSpec? {
        host.model.namespaces[namespace]?.translator
    }
    func ensure(_ spec: TranslatorSpec, in namespace: NamespaceName) async throws(NodeError) {
        try host.apply(.ensureTranslator(spec, in: namespace))
    }
    func remove(in namespace: NamespaceName) async throws(NodeError) {
        try host.apply(.removeTranslator(in: namespace))
    }
    /// It sees no packets.
    func statistics(in namespace: NamespaceName) async throws(NodeError) -> TranslatorStatistics? {
        host.model.namespaces[namespace]?.translator.map { spec in
            TranslatorStatistics(traffic: spec.mappings.mapValues { _ in MappingTraffic() })
        }
    }
}
