import CLinux
import Glibc
import NetworkModel
import NodePorts

/// What a namespace thread does: jobs, then descriptors, then the deadline, until it is over.
struct ThreadLoop<State: ThreadState> {
    let inbox: Inbox<State>
    let namespace: NamespaceName?
    let open: () throws(NodeError) -> State
    private var state: State?
    private var hasEntered = false

    init(inbox: Inbox<State>, namespace: NamespaceName?, open: @escaping () throws(NodeError) -> State) {
        self.inbox = inbox
        self.namespace = namespace
        self.open = open
    }

    mutating func run() {
        while true {
            let (jobs, isEnded) = inbox.take()
            for job in jobs { job(opened()) }
            if let state, let deadline = state.deadline, deadline <= .now { state.deadlineIsOver() }
            // Jobs may have been added since; the wake descriptor is then readable and poll returns at once.
            if isEnded { return }
            wait()
        }
    }

    private mutating func opened() -> Result<State, NodeError> {
        if let state { return .success(state) }
        return Result { () throws(NodeError) -> State in
            if let namespace, !hasEntered {
                try enterNamespace(namespace)
                hasEntered = true
            }
            let state = try open()
            self.state = state
            return state
        }
    }

    private func wait() {
        var polled = [pollfd(fd: inbox.wake, events: Int16(POLLIN), revents: 0)]
        polled += (state?.watched ?? []).map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        guard poll(&polled, nfds_t(polled.count), timeout) > 0, let state else { return }
        for entry in polled.dropFirst() where entry.revents != 0 { state.isReady(entry.fd) }
    }

    /// In milliseconds, rounded up; -1 waits for ever.
    private var timeout: Int32 {
        var timeout: Int32 = inbox.wake >= 0 ? -1 : 10
        if let deadline = state?.deadline {
            let left = max(.zero, ContinuousClock.now.duration(to: deadline))
            // At most an hour: a longer wait would not fit, and waking early harms nothing.
            let milliseconds = Int32(min(left, .seconds(3600)) / .milliseconds(1)) + 1
            timeout = timeout < 0 ? milliseconds : min(timeout, milliseconds)
        }
        return timeout
    }
}
