import NetworkModel
package import NodePorts
import Synchronization

/// The threads that work in network namespaces, one for each in use, shared by the adapters of a process.
///
/// Make it before anything else can have moved the calling thread: where it is made is home.
package final class NamespaceThreads: Sendable {
    /// Deletions wait long in the kernel for nothing that others need (RCU); they have a thread of their own.
    enum Role: Hashable {
        case work
        case deletion
        /// Looks at the gates of ports while another looks at the ports.
        case gates
    }

    private struct Key: Hashable {
        let name: NamespaceName?
        let role: Role
    }

    let home: HomeNamespace
    private let threads = Mutex<[Key: NamespaceThread]>([:])

    /// The program before the guard, which ports get that are made; nil: none.
    private let guardProgram: Int32?

    /// - Parameter guardProgram: the descriptor of a classifier that is open as long as this object lives; nil: ports are made
    ///   without one.
    package init(guardProgram: Int32? = nil) throws(NodeError) {
        self.guardProgram = guardProgram
        home = try HomeNamespace()
    }

    deinit {
        for thread in threads.withLock({ $0.values }) { thread.end() }
    }

    /// The thread of a namespace (nil: home); a new one when the name now stands for another namespace.
    func thread(for name: NamespaceName?, role: Role = .work) throws(NodeError) -> NamespaceThread {
        let key = Key(name: name, role: role)
        let identity = name.flatMap(NamespaceFile.identity)
        if let known = threads.withLock({ $0[key] }) {
            if known.identity == identity { return known }
            retire(key, known)
        }
        let made = try NamespaceThread(
            try name.map { name throws(NodeError) in try NamespaceFile(name) }, home: home,
            guardProgram: guardProgram)
        let kept = threads.withLock { threads in
            if let other = threads[key], other.identity == made.identity { return other }
            threads[key] = made
            return made
        }
        if kept !== made { made.end() }
        return kept
    }

    /// Ends the threads of a namespace, which would keep it alive.
    func retire(_ name: NamespaceName) {
        for role in [Role.work, .deletion, .gates] {
            let key = Key(name: name, role: role)
            if let known = threads.withLock({ $0[key] }) { retire(key, known) }
        }
    }

    /// Ends the threads of namespaces whose names are gone or stand for something else: deleted by others.
    func retireGone() {
        for (key, thread) in threads.withLock({ $0 }) {
            guard let name = key.name, NamespaceFile.identity(name) != thread.identity else { continue }
            retire(key, thread)
        }
    }

    private func retire(_ key: Key, _ thread: NamespaceThread) {
        threads.withLock { threads in
            if threads[key] === thread { threads[key] = nil }
        }
        thread.end()
    }
}
