import CLibvirt
package import ComputePorts
import Dispatch
import Glibc
import LinuxProcesses
import NodePorts
import Resources
import Synchronization

/// Layer 5. Domains of one libvirtd. Must not know what a VM is for.
///
/// libvirt's calls block: they run on a thread of their own, one after the other. A call that does not end within its
/// deadline is left to that thread, its caller gets `timedOut`, and the next one a new thread with a connection of its own:
/// a daemon that hangs holds up nobody. Calls that waited behind it never happen.
package final class LibvirtHypervisor: Hypervisor {
    private let uri: String
    private let deadline: Duration
    private let hints = LibvirtHints()
    private let state: Mutex<State>

    private struct State {
        var thread: NamespaceThread<LibvirtConnection>
        /// Calls that were given up and still hang.
        var hanging = 0
    }

    /// More threads than these are not spent on a daemon that hangs.
    private static let maximumHanging = 4

    /// - Parameters:
    ///   - uri: as libvirt takes it, from the operator.
    ///   - deadline: of every call.
    package init(uri: String, deadline: Duration = .seconds(20)) {
        LibvirtLoop.begin()
        self.uri = uri
        self.deadline = deadline
        state = Mutex(State(thread: Self.thread(uri, hints)))
    }

    private static func thread(_ uri: String, _ hints: LibvirtHints) -> NamespaceThread<LibvirtConnection> {
        NamespaceThread("libvirt", in: nil) { () throws(NodeError) in
            LibvirtConnection(uri: uri, listener: hints.listener)
        }
    }

    package func events() -> AsyncStream<HypervisorEvent> { hints.listen() }

    /// Runs `body` on the thread.
    func call<Value: Sendable>(
        _ operation: String, _ subject: String,
        _ body: @escaping @Sendable (LibvirtConnection) throws(HypervisorError) -> Value
    ) async throws(HypervisorError) -> Value {
        let late = HypervisorError(
            .timedOut, operation: operation, subject: subject,
            cause: "libvirt has not answered within \(deadline); it hangs, or is overloaded")
        let thread: NamespaceThread<LibvirtConnection>? = state.withLock { state in
            state.hanging < Self.maximumHanging ? state.thread : nil
        }
        guard let thread else { throw late }
        let result: Result<Value, HypervisorError> = await withCheckedContinuation { continuation in
            let answer = OneAnswer(continuation)
            thread.enqueue { connection in
                guard answer.begin() else { return }
                answer.give(Result { () throws(HypervisorError) -> Value in try body(connection) })
                if answer.wasGivenUp { self.state.withLock { $0.hanging -= 1 } }
            }
            let milliseconds = Int(deadline / .milliseconds(1))
            DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(milliseconds)) {
                self.giveUp(answer, late, on: thread)
            }
        }
        return try result.get()
    }

    private func giveUp<Value>(
        _ answer: OneAnswer<Value>, _ late: HypervisorError, on thread: NamespaceThread<LibvirtConnection>
    ) {
        state.withLock { state in
            guard let wasRunning = answer.giveUp(late) else { return }
            if wasRunning { state.hanging += 1 }
            if state.thread === thread { state.thread = Self.thread(uri, hints) }
        }
    }
}

/// The answer to one call, given once: by the call or by its deadline.
private final class OneAnswer<Value: Sendable>: Sendable {
    typealias Answer = Result<Value, HypervisorError>
    private enum Phase {
        case waiting, running, over
        case givenUp
    }
    private let state: Mutex<Phase> = Mutex(.waiting)
    private let continuation: CheckedContinuation<Answer, Never>

    init(_ continuation: CheckedContinuation<Answer, Never>) { self.continuation = continuation }

    /// Whether the call may begin: nobody has given it up.
    func begin() -> Bool {
        state.withLock { phase in
            guard phase == .waiting else { return false }
            phase = .running
            return true
        }
    }

    func give(_ answer: Answer) {
        let isFirst = state.withLock { phase in
            guard phase == .running else { return false }
            phase = .over
            return true
        }
        if isFirst { continuation.resume(returning: answer) }
    }

    var wasGivenUp: Bool { state.withLock { $0 == .givenUp } }

    /// nil when it was answered in time; else whether the call had begun.
    func giveUp(_ late: HypervisorError) -> Bool? {
        let wasRunning: Bool? = state.withLock { phase in
            guard phase == .waiting || phase == .running else { return nil }
            defer { phase = .givenUp }
            return phase == .running
        }
        if wasRunning != nil { continuation.resume(returning: .failure(late)) }
        return wasRunning
    }
}
