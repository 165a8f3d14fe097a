import Dispatch
import Foundation
import LinuxProcesses
import NodePorts
import Synchronization

/// Starts programs that end when this process ends, also when it is killed.
///
/// The kernel kills them when the thread ends that has started them (PR_SET_PDEATHSIG, prctl(2)); those of Swift's pool come
/// and go, so one thread starts them all and stays.
enum LastingThread {
    private struct Order: Sendable {
        let words: [String]
        let log: Int32
        let answer: Answer
    }

    private final class Answer: Sendable {
        let result = Mutex<Result<ProcessID, NodeError>?>(nil)
        let isThere = DispatchSemaphore(value: 0)
    }

    private final class Orders: Sendable {
        let waiting = Mutex<[Order]>([])
        let count = DispatchSemaphore(value: 0)
    }

    private static let orders: Orders = {
        let orders = Orders()
        Thread.detachNewThread {
            while true {
                orders.count.wait()
                let order = orders.waiting.withLock { $0.removeFirst() }
                let result = Result { () throws(NodeError) in
                    try ChildProcess.spawn(
                        "/usr/bin/setpriv", ["--pdeathsig", "KILL"] + order.words, output: order.log, error: order.log)
                }
                order.answer.result.withLock { $0 = result }
                order.answer.isThere.signal()
            }
        }
        return orders
    }()

    /// - Parameters:
    ///   - words: the program, by its path, and its arguments. It keeps the id that is returned.
    ///   - log: where both its outputs go.
    static func spawn(_ words: [String], log: Int32) throws -> ProcessID {
        let answer = Answer()
        orders.waiting.withLock { $0.append(Order(words: words, log: log, answer: answer)) }
        orders.count.signal()
        answer.isThere.wait()
        guard let result = answer.result.withLock(\.self) else { preconditionFailure("answered without a result") }
        return try result.get()
    }
}
