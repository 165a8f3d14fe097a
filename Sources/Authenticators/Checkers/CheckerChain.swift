package import Persistence
package import Resources
import Synchronization

/// Several ways to prove who asks, one after the other: the first that knows the header decides.
///
/// What was right is kept for a while, by a digest of address and whole header, so that a slow check is made once and not with
/// every request. What was wrong is never kept; it counts against who sent it (`FailureBook`).
package final class CheckerChain: Checker {
    /// One way, and what may be remembered of it.
    package struct Link: Sendable {
        package var checker: any Checker
        /// For how long an `allow` holds without being asked again; zero for a checker that keeps its own book.
        package var memory: Duration
        /// Whether its verdict hangs on method and path (with the project in it).
        package var looksAtRequest: Bool
        /// Whether what it checks can be guessed, so that wrong ones count.
        package var isGuessable: Bool
        /// Whether it is asked about a request without a header, for its connection's certificate.
        package var looksAtCertificates: Bool

        package init(
            _ checker: any Checker, memory: Duration = .zero, looksAtRequest: Bool = false, isGuessable: Bool = true,
            looksAtCertificates: Bool = false
        ) {
            self.looksAtCertificates = looksAtCertificates
            self.checker = checker
            self.memory = memory
            self.looksAtRequest = looksAtRequest
            self.isGuessable = isGuessable
        }
    }

    private struct Known {
        var principal: Principal
        var until: Timestamp
    }

    /// Beyond this many all are forgotten.
    static let maximumKnown = 10_000

    private let links: [Link]
    private let failures = FailureBook()
    private let known = Mutex<[String: Known]>([:])

    package init(_ links: [Link]) { self.links = links }

    /// Each scheme once, in the order of the links.
    package var challenges: [String] {
        var challenges: [String] = []
        for case let challenge? in links.map(\.checker.challenge) where !challenges.contains(challenge) {
            challenges.append(challenge)
        }
        return challenges
    }

    package var challenge: String? { challenges.isEmpty ? nil : challenges.joined(separator: ", ") }

    package func check(_ request: CheckedRequest, now: Timestamp) async throws(StoreError) -> Verdict {
        for (index, link) in links.enumerated() {
            // Without a header only the connection's certificate can prove anything.
            if request.authorization == nil, !link.looksAtCertificates { continue }
            let key = link.memory > .zero ? key(index, link, request) : ""
            if let principal = remembered(key, now) { return .allow(principal) }
            lazy var place = FailureBook.Place(request)
            // What comes to be counted is asked before the check: a wrong guess costs the guesser, not the server.
            if link.isGuessable, request.isGuess(for: link.checker), let seconds = failures.wait(place, now) {
                return .wait(seconds: seconds)
            }
            let verdict = try await link.checker.check(request, now: now)
            switch verdict {
            case .pass: continue
            case .token, .wait, .busy: return verdict
            case .deny:
                if link.isGuessable { failures.failed(place, now) }
                return verdict
            case .allow(let principal):
                if case .identity(let identity) = principal, let expires = identity.expires, expires <= now {
                    return .deny("the credential has expired")
                }
                if link.isGuessable { failures.succeeded(place, now) }
                remember(key, principal, link.memory, now)
                return verdict
            }
        }
        return .pass
    }

    private func key(_ index: Int, _ link: Link, _ request: CheckedRequest) -> String {
        var text = "\(index)\n\(request.peer)\n\(request.authorization ?? "")"
        if link.looksAtRequest { text += "\n\(request.method)\n\(request.path)" }
        return Secret.digest(of: text)
    }

    private func remembered(_ key: String, _ now: Timestamp) -> Principal? {
        guard !key.isEmpty else { return nil }
        return known.withLock { known in
            guard let entry = known[key] else { return nil }
            guard entry.until > now else {
                known[key] = nil
                return nil
            }
            return entry.principal
        }
    }

    private func remember(_ key: String, _ principal: Principal, _ memory: Duration, _ now: Timestamp) {
        guard !key.isEmpty else { return }
        var until = now.adding(memory)
        if case .identity(let identity) = principal, let expires = identity.expires { until = min(until, expires) }
        known.withLock { known in
            if known.count >= Self.maximumKnown { known = [:] }
            known[key] = Known(principal: principal, until: until)
        }
    }
}

extension Timestamp {
    func adding(_ duration: Duration) -> Timestamp {
        Timestamp(milliseconds: milliseconds + Int64(duration / .milliseconds(1)))
    }
}

extension CheckedRequest {
    /// Whether the checker may take the header for a guess: a token of another scheme waits for nobody's guesses.
    fileprivate func isGuess(for checker: any Checker) -> Bool { checker.challenge == nil || claimedName != nil }
}
