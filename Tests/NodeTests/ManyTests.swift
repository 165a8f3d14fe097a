import Addressing
import NFTables
import NetworkModel
import NetworkNode
import NetworkPlanning
import NodePorts
import NodePortsTesting
import Resources
import Synchronization
import Testing
import Waiting

private let many = 90

/// A host that gets hundreds of devices in one plan: its ports are opened while the next are made.
@Suite struct ManyTests {
    let host = Fixture.machine()
    let folder: Folder
    let segments = (1...many).map { Fixture.segment($0) }
    let attachments = (1...many).map { Fixture.attachment($0, on: $0) }

    init() throws { folder = try Folder() }

    var api: StandInAPI { StandInAPI(Fixture.reset(1, segments: segments, attachments: attachments)) }

    /// So that nothing but what a test is about looks at the host by itself.
    var settings: AgentSettings {
        var settings = AgentSettings.quick
        settings.fullComparison = .seconds(3600)
        settings.echo = .seconds(3600)
        return settings
    }

    func isWired(_ api: StandInAPI, _ attachment: DesiredAttachment) -> Bool {
        api.report(Attachment.kind, attachment.id)?.phase == .wired
    }

    @Test func `ports are opened while others are made, and none before it is made`() async throws {
        let (host, api, attachments) = (host, api, attachments)
        let last = try #require(attachments.last?.portName)
        // The last device is not made before some port is open, which only both at once can bring about.
        let links = WatchedLinks(host.links) { operation in
            guard case .create(let new) = operation, new.name == last else { return true }
            // That it never happened is recorded where it was waited for.
            do { try await eventually("a port is open") { !host.model.filter.ready.isEmpty } } catch {}
            return true
        }
        try await withAgent(host, api, in: folder, settings: settings, links: links) { [self] in
            try await eventually("all wired") { attachments.allSatisfy { isWired(api, $0) } }
            var made: [InterfaceName: Int] = [:]
            for (place, operation) in host.takeApplied().enumerated() {
                switch operation {
                case .link(.create(let new), in: nil): made[new.name] = place
                case .filter(.change(.port(let name), remove: _, add: _)):
                    let birth = try #require(made[name], "\(name) is opened before it is made")
                    #expect(birth < place)
                default: break
                }
            }
            #expect(host.model.filter.ready.count == many)
        }
    }

    @Test func `a port whose bridge cannot be made stays shut, and the others forward`() async throws {
        let (host, api, attachments) = (host, api, attachments)
        let bridge = InterfaceName.bridge(segments[9].vni)
        host.fail { operation in
            guard case .link(.create(let new), in: nil) = operation, new.name == bridge else { return nil }
            return NodeError(.errno(12), operation: "create bridge", subject: bridge.text)
        }
        try await withAgent(host, api, in: folder, settings: settings) { [self] in
            try await eventually("all others wired") {
                attachments.indices.allSatisfy { $0 == 9 || isWired(api, attachments[$0]) }
            }
            let shut = attachments[9].portName
            #expect(!host.model.filter.ready.contains(shut))
            #expect(host.model.filter.ready.count == many - 1)
            host.fail(nil)
            try await eventually("wired at last") { isWired(api, attachments[9]) }
            #expect(host.model.filter.ready.contains(shut))
        }
    }

    @Test func `a device that was acknowledged and is not there is found and made`() async throws {
        let (host, api, attachments) = (host, api, attachments)
        let lost = InterfaceName.vxlan(segments[20].vni)
        let isForgotten = Mutex(false)
        // A kernel that acknowledges its first creation and does not make it.
        let links = WatchedLinks(host.links) { operation in
            guard case .create(let new) = operation, new.name == lost else { return true }
            return isForgotten.withLock { forgotten in
                defer { forgotten = true }
                return forgotten
            }
        }
        try await withAgent(host, api, in: folder, settings: settings, links: links) { [self] in
            try await eventually("all wired") { attachments.allSatisfy { isWired(api, $0) } }
            try await eventually("made", { host.dump }) { host.model[nil]?.devices[lost] != nil }
        }
    }
}

/// Devices of a host in memory; each operation waits for `isDone`, and is acknowledged without being done where that
/// says no.
private final class WatchedLinks: LinkTable {
    private let links: any LinkTable
    private let isDone: @Sendable (LinkOperation) async -> Bool

    init(_ links: any LinkTable, isDone: @escaping @Sendable (LinkOperation) async -> Bool) {
        self.links = links
        self.isDone = isDone
    }

    func apply(_ operations: [LinkOperation], in namespace: NamespaceName?) async -> [OperationOutcome] {
        var outcomes: [OperationOutcome] = []
        for operation in operations {
            if await isDone(operation) {
                outcomes += await links.apply([operation], in: namespace)
            } else {
                outcomes.append(.success(()))
            }
        }
        return outcomes
    }

    func observe(in namespace: NamespaceName?) async throws(NodeError) -> ObservedLinks {
        try await links.observe(in: namespace)
    }

    func observe(
        links names: Set<InterfaceName>, in namespace: NamespaceName?
    ) async throws(NodeError) -> ObservedLinks {
        try await links.observe(links: names, in: namespace)
    }

    func closedFrames() async throws(NodeError) -> [InterfaceName: UInt64] { try await links.closedFrames() }
    func events() -> AsyncStream<LinkEvent> { links.events() }
    func events(in namespace: NamespaceName?) -> AsyncStream<LinkEvent> { links.events(in: namespace) }
}
