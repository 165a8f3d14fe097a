import CMnl
import Glibc
import NetworkModel
import NodePorts
import Synchronization

/// A thread that works in one network namespace and keeps one netlink connection of it.
///
/// It is away only while a job runs (see HomeNamespace). Its open socket keeps the namespace alive, so it must be ended
/// when the name goes: NamespaceThreads does.
final class NamespaceThread: Sendable {
    /// Which namespace: device and inode of the file that stands for it.
    let identity: NamespaceFile.Identity?
    private let file: NamespaceFile?
    private let home: HomeNamespace
    private let thread: DedicatedThread
    private let name: String
    private let guardProgram: Int32?
    /// Only the thread itself takes it, so the lock never waits.
    private let connection = Mutex<Connected?>(nil)

    /// The invariant that lets it cross the lock: it is made, used and dropped by jobs of this thread alone.
    private struct Connected: @unchecked Sendable {
        let context: NamespaceContext
    }

    /// - Parameter file: nil for the namespace of the process.
    init(_ file: NamespaceFile?, home: HomeNamespace, guardProgram: Int32? = nil) throws(NodeError) {
        self.guardProgram = guardProgram
        self.file = file
        self.home = home
        identity = file?.identity
        name = file?.name.text ?? "host"
        do throws(KernelError) { thread = try DedicatedThread() } catch {
            throw error.error("start thread for namespace", name)
        }
    }

    /// Runs `body` in the namespace, after what was asked before, and gives its result.
    /// - Throws: what `body` throws; `noSuchNamespace` when the thread was ended because the name is gone.
    func run<Result: Sendable>(
        _ body: @escaping @Sendable (NamespaceContext) throws(NodeError) -> Result
    ) async throws(NodeError) -> Result {
        let outcome: Swift.Result<Result, NodeError> = await withCheckedContinuation { continuation in
            let taken = thread.enqueue {
                continuation.resume(returning: self.away(body))
            }
            if !taken {
                continuation.resume(
                    returning: .failure(NodeError(.noSuchNamespace, operation: "enter", subject: self.name)))
            }
        }
        return try outcome.get()
    }

    func end() {
        _ = thread.enqueue { self.connection.withLock { $0 = nil } }
        thread.end()
    }

    private func away<Result>(
        _ body: (NamespaceContext) throws(NodeError) -> Result
    ) -> Swift.Result<Result, NodeError> {
        do throws(NodeError) {
            if let file { try file.enter() }
            defer { if file != nil { home.enter() } }
            return .success(try body(try context()))
        } catch {
            return .failure(error)
        }
    }

    private func context() throws(NodeError) -> NamespaceContext {
        if let known = connection.withLock({ $0 }) { return known.context }
        do throws(KernelError) {
            let made = Connected(context: try NamespaceContext(guardProgram: guardProgram))
            connection.withLock { $0 = made }
            return made.context
        } catch {
            throw error.error("open netlink in", name)
        }
    }
}
