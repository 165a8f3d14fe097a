import ComputeModel
import ComputePorts
import Logging
import Resources
import Synchronization

/// The consoles that somebody is at. Each session runs by itself until the server says that it has ended.
final class ConsoleDesk: Sendable {
    private struct Content {
        var wanted: [ResourceID: ConsoleOrder] = [:]
        var running: Set<ResourceID> = []
    }

    private let ports: ComputeHostPorts
    private let upstream: any ComputeUpstream
    private let logger: Logger
    private let content = Mutex(Content())
    private let wakeups: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    /// More are not held at once; the server bounds them for each project.
    static let maximum = 256

    init(_ ports: ComputeHostPorts, _ upstream: any ComputeUpstream, _ logger: Logger) {
        self.ports = ports
        self.upstream = upstream
        self.logger = logger
        (wakeups, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// All that somebody is at.
    func set(_ orders: [ConsoleOrder]) {
        content.withLock { content in
            content.wanted = Dictionary(orders.prefix(Self.maximum).map { ($0.session, $0) }) { $1 }
        }
        signal.yield()
    }

    /// Returns when cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            for await _ in wakeups {
                let new = content.withLock { content in
                    let new = content.wanted.values.filter { !content.running.contains($0.session) }
                    content.running.formUnion(new.map(\.session))
                    return new
                }
                for order in new {
                    group.addTask {
                        self.logger.notice(
                            "a console is opened", metadata: ["vm": "\(order.vm)", "session": "\(order.session)"])
                        await ConsoleLink(order, self.ports, self.upstream).run()
                        self.logger.notice(
                            "a console is closed", metadata: ["vm": "\(order.vm)", "session": "\(order.session)"])
                        self.content.withLock { content in
                            _ = content.running.remove(order.session)
                            content.wanted[order.session] = nil
                        }
                    }
                }
            }
            group.cancelAll()
        }
    }
}
