import APIClient
import Addressing
import NetworkModel
import NetworkNode
import NetworkPlanning
import Resources
import Synchronization

/// The control plane as the agent sees it: what it sends is chosen by a test, what it is told is kept.
final class StandInAPI: DesiredSource, ReportSink, BindingSink, ProbeSink {
    private struct State {
        var isAway = false
        /// The first update of the next connection.
        var reset: HostUpdate?
        var connection: AsyncStream<HostUpdate>.Continuation?
        var connections = 0
        var said: [ReportSubject: Report?] = [:]
        var received = 0
        var batches: [[ResourceReport]] = []
        var leases = 0
        /// The store's revision, as renewals of the lease are told.
        var known: Revision?
        var refuses: (@Sendable (ResourceReport) -> Bool)?
        var learned: [ResourceID: LearnedAddresses] = [:]
        var publications = 0
        var heldElsewhere: Set<IPv6Address> = []
        var answers: [ResourceID: [ProbeResult]] = [:]
        var chunks: [ResourceID: [Int: CaptureChunk]] = [:]
    }

    private let state: Mutex<State>

    init(_ reset: HostUpdate? = nil) { state = Mutex(State(reset: reset)) }

    // MARK: What a test does

    /// Sends a change; what the next connection begins with must be said with `begin`.
    func push(_ update: HostUpdate) { _ = state.withLock { $0.connection }?.yield(update) }

    func begin(with reset: HostUpdate) { state.withLock { $0.reset = reset } }

    /// Ends the connection, and answers nothing until `comeBack`.
    func goAway() {
        state.withLock { state in
            state.isAway = true
            state.connection?.finish()
        }
    }

    func comeBack() { state.withLock { $0.isAway = false } }

    /// Ends the connection; the agent connects again.
    func hangUp() { state.withLock { $0.connection?.finish() } }

    /// There is this revision, whatever the connection tells.
    func know(_ revision: Revision) { state.withLock { $0.known = revision } }

    func refuse(_ reports: (@Sendable (ResourceReport) -> Bool)?) { state.withLock { $0.refuses = reports } }

    /// Other hosts hold these; they are not granted.
    func hold(_ addresses: Set<IPv6Address>) { state.withLock { $0.heldElsewhere = addresses } }

    // MARK: What a test sees

    /// The last list of a segment; nil when there was none.
    func learned(on segment: ResourceID) -> LearnedAddresses? { state.withLock { $0.learned[segment] } }
    var publications: Int { state.withLock { $0.publications } }
    func chunks(of probe: ResourceID) -> [Int: CaptureChunk] { state.withLock { $0.chunks[probe] ?? [:] } }
    func answers(to probe: ResourceID) -> [ProbeResult] { state.withLock { $0.answers[probe] ?? [] } }

    var connections: Int { state.withLock { $0.connections } }
    var leases: Int { state.withLock { $0.leases } }
    var received: Int { state.withLock { $0.received } }

    /// The last word on a resource; nil when nothing was said, or that nothing is left.
    func report(_ kind: KindName, _ id: ResourceID) -> Report? {
        state.withLock { $0.said[ReportSubject(kind, id)] ?? nil }
    }

    func hasSaidGone(_ kind: KindName, _ id: ResourceID) -> Bool {
        state.withLock { $0.said[ReportSubject(kind, id)] == .some(nil) }
    }

    // MARK: What the agent calls

    func follow(_ deliver: @escaping @Sendable (HostUpdate) -> Void) async throws(ControlPlaneError) {
        let stream: AsyncStream<HostUpdate>? = state.withLock { state in
            guard !state.isAway else { return nil }
            let (stream, continuation) = AsyncStream.makeStream(of: HostUpdate.self)
            state.connection = continuation
            state.connections += 1
            if let reset = state.reset { continuation.yield(reset) }
            return stream
        }
        guard let stream else { throw ControlPlaneError(.unreachable, "nothing listens there") }
        for await update in stream { deliver(update) }
    }

    func send(_ reports: [ResourceReport]) async throws(ControlPlaneError) {
        let problem: ControlPlaneError? = state.withLock { state in
            if state.isAway { return ControlPlaneError(.unreachable, "nothing listens there") }
            if let refuses = state.refuses, reports.contains(where: refuses) {
                return ControlPlaneError(.refused, "not found")
            }
            for report in reports { state.said[report.subject] = .some(report.report) }
            state.received += reports.count
            return nil
        }
        if let problem { throw problem }
    }

    func renewLease() async throws(ControlPlaneError) -> Revision? {
        if state.withLock({ $0.isAway }) { throw ControlPlaneError(.unreachable, "nothing listens there") }
        return state.withLock { state in
            state.leases += 1
            return state.known
        }
    }

    func publish(
        _ list: LearnedAddresses, of segment: ResourceID
    ) async throws(ControlPlaneError) -> LearnedAnswer {
        let answer: LearnedAnswer? = state.withLock { state in
            guard !state.isAway else { return nil }
            state.publications += 1
            var granted = list
            var refused: [RefusedAddress] = []
            for (attachment, addresses) in list.addresses {
                for address in addresses.intersection(state.heldElsewhere) {
                    refused.append(RefusedAddress(attachment: attachment, address: address, reason: .held))
                    granted.addresses[attachment]?.remove(address)
                }
            }
            state.learned[segment] = granted
            return LearnedAnswer(revision: Revision(UInt64(state.publications)), refused: refused)
        }
        guard let answer else { throw ControlPlaneError(.unreachable, "nothing listens there") }
        return answer
    }

    func answer(_ probe: ResourceID, _ result: ProbeResult) async throws(ControlPlaneError) {
        let isAway = state.withLock { state in
            if !state.isAway { state.answers[probe, default: []].append(result) }
            return state.isAway
        }
        if isAway { throw ControlPlaneError(.unreachable, "nothing listens there") }
    }

    func deliver(_ chunk: CaptureChunk, number: Int, of probe: ResourceID) async throws(ControlPlaneError) {
        let isAway = state.withLock { state in
            if !state.isAway { state.chunks[probe, default: [:]][number] = chunk }
            return state.isAway
        }
        if isAway { throw ControlPlaneError(.unreachable, "nothing listens there") }
    }
}
