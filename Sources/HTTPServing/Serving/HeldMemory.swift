package import Persistence
package import Resources
import Synchronization

/// What a server holds for the requests of one tenant, and of all: bodies that have come, and answers that are not taken yet.
///
/// How many requests somebody makes is counted elsewhere, and says nothing of how much each of them holds while it lasts: a body
/// is up to 8 MiB, so is a page, and a connection of HTTP/2 has a hundred of them. A tenant is a user, or a project with all of its
/// tokens, which are as many as its admins like; hosts are one each. Who is administrator of the server is counted, and not
/// refused: he must get through when others are the trouble. Beyond three quarters of the whole the rest is for those who hold
/// little: one at his bound keeps nobody out, and neither do many.
/// Concurrency: any task.
package final class HeldMemory: Sendable {
    /// In bytes.
    package struct Limits: Hashable, Sendable {
        /// Of one tenant.
        package var each: Int
        /// Of all together.
        package var all: Int
        /// Of one tenant once three quarters of all are held.
        package var little: Int

        package init(each: Int = 64 << 20, all: Int = 512 << 20, little: Int = 8 << 20) {
            self.each = each
            self.all = all
            self.little = little
        }
    }

    /// For people and metrics.
    package struct Totals: Hashable, Sendable {
        package var bytes = 0
        package var refusedByTenant = 0
        package var refusedInAll = 0
    }

    /// For whom something is held.
    package enum Holder: Hashable, Sendable {
        /// Whom nobody asked who he is.
        case nobody
        case administrator
        case host(ResourceID)
        case joining
        case user(String)
        /// Of tokens, by the project as they name it.
        case project(String)

        package init(_ principal: Principal) {
            switch principal {
            case .administrator: self = .administrator
            case .host(let id): self = .host(id)
            case .joining: self = .joining
            case .identity(let identity):
                let project = identity.isToken ? identity.grants.projects.keys.min() : nil
                self = project.map { .project($0) } ?? .user(identity.name)
            }
        }
    }

    /// What one request holds. Given back once, however the request ends.
    package struct Share: Sendable {
        package fileprivate(set) var bytes = 0
        fileprivate var holder: Holder

        package init(_ holder: Holder = .nobody) { self.holder = holder }
    }

    private struct State {
        var totals = Totals()
        var holders: [Holder: Int] = [:]
    }

    private let limits: Limits
    private let state = Mutex(State())

    package init(_ limits: Limits = Limits()) { self.limits = limits }

    package var totals: Totals { state.withLock(\.totals) }

    /// Has the share hold so many bytes from now on, in place of what it holds.
    ///
    /// What is refused leaves it as it was. Less is never refused; neither is one request that is all that its tenant has.
    /// - Parameter isDone: what was asked has been done: its answer is counted, and not refused.
    /// - Throws: `rateLimited` when the tenant holds too much, `unavailable` when all together do.
    package func hold(_ bytes: Int, _ share: inout Share, isDone: Bool = false) throws(Problem) {
        guard bytes != share.bytes else { return }
        let (held, holder) = (share.bytes, share.holder)
        let isFree = isDone || holder == .administrator || bytes < held
        let refusal = state.withLock { state -> Problem? in
            let others = (state.holders[holder] ?? 0) - held
            let whole = state.totals.bytes + bytes - held
            if !isFree {
                if others > 0, others + bytes > limits.each {
                    state.totals.refusedByTenant += 1
                    return Self.refusal(
                        .rateLimited,
                        "the server holds \(others) bytes of other requests of this user or project, and of their "
                            + "answers, which is as much as it may: wait for those, or ask for less at a time")
                }
                let isShort = whole > limits.all / 4 * 3 && others + bytes > limits.little
                if isShort || whole > limits.all {
                    state.totals.refusedInAll += 1
                    return Self.refusal(
                        .unavailable, "the server holds as much of requests and their answers as it may: try again")
                }
            }
            state.totals.bytes = whole
            state.holders[holder] = others + bytes == 0 ? nil : others + bytes
            return nil
        }
        if let refusal { throw refusal }
        share.bytes = bytes
    }

    package func giveBack(_ share: Share) {
        guard share.bytes > 0 else { return }
        state.withLock { state in
            let left = (state.holders[share.holder] ?? 0) - share.bytes
            state.holders[share.holder] = left == 0 ? nil : left
            state.totals.bytes -= share.bytes
        }
    }

    private static func refusal(_ code: Problem.Code, _ text: String) -> Problem {
        var problem = Problem(code, text + "; nothing was done")
        problem.retryAfterSeconds = 1
        return problem
    }
}

extension Answer {
    /// Bytes that the server holds until its client has taken it: of what is small none, as of the request's own header.
    var heldBytes: Int {
        switch self {
        case .json(let bytes, _, _), .text(let bytes): bytes.count > Self.small ? bytes.count : 0
        case .nothing: 0
        // What waits to be written is more for a moment, and only for who does not read.
        case .events: Self.stream
        case .bytes(let source): Int(min(source.length, ByteSource.chunk))
        case .foreign(let response): response.isOpenEnded ? Self.stream : 0
        }
    }

    /// Up to here an answer is written in one piece.
    static var small: Int { 65_536 }
    private static var stream: Int { 16_384 }
}
