import Addressing
import NetworkModel
import NetworkNode
import NetworkPlanning
import NodePorts
import NodePortsTesting
import Resources
import Synchronization
import Testing
import Waiting

/// What happens while the whole host is looked at, however long that takes.
@Suite struct SurveyTests {
    let host = Fixture.machine()
    let folder: Folder
    let segment = Fixture.segment(1)
    let first = Fixture.attachment(1)
    let second = Fixture.attachment(2)

    init() throws { folder = try Folder() }

    /// Runs `body` while a full look has seen the host as it was and has not come back.
    func duringSurvey(
        _ body: @escaping @Sendable (StandInAPI, SlowLinks) async throws -> Void
    ) async throws {
        let api = StandInAPI(Fixture.reset(1, segments: [segment], attachments: [first]))
        let links = SlowLinks(host.links)
        var settings = AgentSettings.quick
        settings.fullComparison = .milliseconds(20)
        let (host, id) = (host, first.id)
        try await withAgent(host, api, in: folder, settings: settings, links: links) {
            try await eventually("wired", { host.dump }) { api.report(Attachment.kind, id)?.phase == .wired }
            links.close()
            try await eventually("a survey waits") { links.waiting > 0 }
            try await body(api, links)
        }
    }

    @Test func `a change does not wait for it, and what it saw before does no harm`() async throws {
        let (host, folder, second) = (host, folder, second)
        try await duringSurvey { api, links in
            let repairs = try folder.status("driftRepairs")
            api.push(Fixture.change(2, attachments: [second]))
            try await eventually("wired", { host.dump }) { api.report(Attachment.kind, second.id)?.phase == .wired }
            #expect(links.waiting > 0)
            let applied = host.takeApplied()
            #expect(!applied.isEmpty)
            // It comes back without the second port, and the comparisons after it go on.
            links.open()
            let done = links.finished
            try await eventually("compared again") { links.finished > done + 2 }
            #expect(host.takeApplied() == [])
            #expect(try folder.status("driftRepairs") == repairs)
            #expect(api.report(Attachment.kind, second.id)?.phase == .wired)
        }
    }

    @Test func `what somebody takes away meanwhile comes back, also when it still saw it`() async throws {
        let (host, first) = (host, first)
        try await duringSurvey { _, links in
            host.change { $0.removeDevice(first.portName, in: nil) }
            links.tell(.link(first.portName))
            try await eventually("repaired", { host.dump }) {
                host.model[nil]?.devices[first.portName] != nil && host.model.filter.ready.contains(first.portName)
            }
            let before = host.dump
            links.open()
            let done = links.finished
            try await eventually("compared again") { links.finished > done + 2 }
            #expect(host.dump == before)
        }
    }

    @Test func `what changed unheard is found by it`() async throws {
        let (host, first) = (host, first)
        try await duringSurvey { _, links in
            links.open()
            host.change { $0[nil]?.devices[first.portName]?.settings.mtu = 1300 }
            try await eventually("repaired", { host.dump }) {
                host.model[nil]?.devices[first.portName]?.settings.mtu == 1430
            }
        }
    }
}

/// What the kernel acknowledges is reported before it is looked at.
@Suite struct VerifyingTests {
    let host = Fixture.machine()
    let folder: Folder
    let segment = Fixture.segment(1)
    let first = Fixture.attachment(1)
    let second = Fixture.attachment(2)

    init() throws { folder = try Folder() }

    /// Nothing else may find it: no event comes, and no full comparison happens.
    @Test func `what was acknowledged and is not so is found behind the report and made so`() async throws {
        let api = StandInAPI(Fixture.reset(1, segments: [segment], attachments: [first]))
        let links = SlowLinks(host.links)
        var settings = AgentSettings.quick
        settings.fullComparison = .seconds(60)
        let (host, first, second) = (host, first, second)
        try await withAgent(host, api, in: folder, settings: settings, links: links) {
            try await eventually("wired", { host.dump }) { api.report(Attachment.kind, first.id)?.phase == .wired }
            let before = links.applied
            links.afterApplying { host.change { $0.removeDevice(second.portName, in: nil) } }
            api.push(Fixture.change(2, attachments: [second]))
            try await eventually("made", { host.dump }) {
                links.applied >= before + 2 && host.model[nil]?.devices[second.portName] != nil
                    && host.model.filter.ready.contains(second.portName)
            }
            try await eventually("said") { api.report(Attachment.kind, second.id)?.phase == .wired }
        }
    }

    @Test func `a new port is made without a look at it before, and is looked at once`() async throws {
        let api = StandInAPI(Fixture.reset(1, segments: [segment], attachments: [first]))
        let links = SlowLinks(host.links)
        var settings = AgentSettings.quick
        settings.fullComparison = .seconds(60)
        let (host, first, second) = (host, first, second)
        try await withAgent(host, api, in: folder, settings: settings, links: links) {
            try await eventually("wired", { host.dump }) { api.report(Attachment.kind, first.id)?.phase == .wired }
            api.push(Fixture.change(2, attachments: [second]))
            try await eventually("looked at", { host.dump }) {
                api.report(Attachment.kind, second.id)?.phase == .wired
                    && links.looks.contains { $0.contains(second.portName) }
            }
            #expect(links.looks.filter { $0.contains(second.portName) } == [[second.portName]])
        }
    }
}

/// A link table whose complete looks can be made to wait after they have seen.
final class SlowLinks: LinkTable {
    private struct State {
        var isClosed = false
        var waiting: [CheckedContinuation<Void, Never>] = []
        var finished = 0
        var looks: [Set<InterfaceName>] = []
        var applied = 0
        /// Done once.
        var afterApplying: (@Sendable () -> Void)?
    }

    private let links: any LinkTable
    private let state = Mutex(State())

    private let heard: AsyncStream<LinkEvent>
    private let teller: AsyncStream<LinkEvent>.Continuation

    init(_ links: any LinkTable) {
        self.links = links
        (heard, teller) = AsyncStream.makeStream(of: LinkEvent.self)
        teller.yield(.everything)
    }

    func closedFrames() async throws(NodeError) -> [InterfaceName: UInt64] { try await links.closedFrames() }

    func close() { state.withLock { $0.isClosed = true } }

    func open() {
        let waiting = state.withLock { state in
            defer { state.waiting = [] }
            state.isClosed = false
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    /// How many looks have seen and wait.
    var waiting: Int { state.withLock { $0.waiting.count } }
    var finished: Int { state.withLock { $0.finished } }

    func observe(in namespace: NamespaceName?) async throws(NodeError) -> ObservedLinks {
        let seen = try await links.observe(in: namespace)
        await withCheckedContinuation { continuation in
            let waits = state.withLock { state in
                if state.isClosed { state.waiting.append(continuation) }
                return state.isClosed
            }
            if !waits { continuation.resume() }
        }
        state.withLock { $0.finished += 1 }
        return seen
    }

    func observe(
        links names: Set<InterfaceName>, in namespace: NamespaceName?
    ) async throws(NodeError) -> ObservedLinks {
        state.withLock { $0.looks.append(names) }
        return try await links.observe(links: names, in: namespace)
    }

    /// What was looked at by name, in order.
    var looks: [Set<InterfaceName>] { state.withLock { $0.looks } }

    func apply(_ operations: [LinkOperation], in namespace: NamespaceName?) async -> [OperationOutcome] {
        let outcomes = await links.apply(operations, in: namespace)
        let action = state.withLock { state in
            state.applied += 1
            return state.afterApplying.take()
        }
        action?()
        return outcomes
    }

    /// Does something behind the agent's back, once, between the next operations and their acknowledgement.
    func afterApplying(_ action: @escaping @Sendable () -> Void) { state.withLock { $0.afterApplying = action } }

    /// How often operations were applied.
    var applied: Int { state.withLock { $0.applied } }

    /// Only what the test tells.
    func events() -> AsyncStream<LinkEvent> { heard }

    func tell(_ event: LinkEvent) { teller.yield(event) }

    func events(in namespace: NamespaceName?) -> AsyncStream<LinkEvent> { links.events(in: namespace) }
}
