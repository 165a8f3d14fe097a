import Synchronization

/// Which of several servers is asked: one and the same while it answers, since it knows best what it was told, and then the
/// next.
///
/// Concurrency: any task. Who has failed at a server turns from it; who comes later to the same conclusion turns no further.
final class ServerTurn: Sendable {
    private let servers: [Endpoint]
    private let current: Mutex<Int>

    /// Begins anywhere, so that many clients spread over the servers.
    init(_ servers: [Endpoint]) {
        self.servers = servers
        current = Mutex(servers.indices.randomElement() ?? 0)
    }

    /// Asks a server; what did not get as far as being sent is asked of each other one too.
    ///
    /// What may have been done already is not asked again: the caller knows whether it may.
    func taking<Answer>(_ ask: (Endpoint) async throws -> Answer) async throws -> Answer {
        var left = servers.count
        while true {
            let index = current.withLock(\.self)
            left -= 1
            do { return try await ask(servers[index]) } catch let failure as APIFailure where failure.isOfServer {
                turn(from: index)
                guard failure.wasNeverSent, left > 0 else { throw failure }
            } catch let problem as APIProblem where [502, 503, 504].contains(problem.status) {
                // It is there and cannot help, as one that has lost its store.
                turn(from: index)
                throw problem
            }
        }
    }

    private func turn(from index: Int) {
        current.withLock { if $0 == index { $0 = (index + 1) % servers.count } }
    }
}
