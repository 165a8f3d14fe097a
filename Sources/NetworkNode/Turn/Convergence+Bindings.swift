import Addressing
import Logging
import NetworkModel
import NetworkPlanning
import Resources

/// Addresses that guests give themselves: from a claim to what is desired, without asking anybody.
extension Convergence {
    /// An update with the bindings this host acts on in place of those the API lists.
    mutating func withLocalBindings(_ update: HostUpdate) -> HostUpdate {
        if bindings == nil, let host = update.host ?? state?.desired.host {
            bindings = BindingTable(host: host.id, settings: settings.bindings)
        }
        let local = bindings?.take(update, at: .now) ?? update
        // Another connection may be another server's, which may not have what was published.
        if update.reset { bindings?.publishAgain() }
        return local
    }

    /// Takes in what guests claim and what the API did not grant, and lets go of what was not seen for long.
    mutating func tendBindings(_ content: Inbox.Content, into focus: inout Focus, at now: ContinuousClock.Instant) {
        guard bindings != nil, let revision = state?.desired.revision else { return }
        for (segment, refused) in content.refusedAddresses { bindings?.refuse(refused, in: segment) }
        for claim in content.claims.list { take(claim, at: now) }
        claims.lost += content.claims.lost
        if let seen = content.seen {
            for (port, addresses) in seen {
                guard case .attachment(let id) = names[port] else { continue }
                for address in addresses { bindings?.see(address, by: id, at: now) }
            }
            bindings?.age(at: now)
        }
        let turned = bindings?.takeTurned().filter { state?.desired.attachments[$0] != nil } ?? []
        focus.unseen.attachments.formUnion(turned)
        guard let changes = bindings?.takeChanges(), !changes.isEmpty else { return }
        isUnsaved = true
        let update = HostUpdate(revision: revision, bindings: changes)
        let scope = merged(update)
        // Nothing on the host has changed: it is planned from what was seen, and nobody waits for a look.
        focus.unseen.formUnion(scope)
        focus.noteBindings(of: update, scope)
    }

    private mutating func take(_ claim: Claim, at now: ContinuousClock.Instant) {
        guard case .attachment(let id) = names[claim.port] else { return }
        claims.heard += 1
        guard claim.kind != .contested else { return objections.append(Objection(claim.address, by: claim.port)) }
        guard let answer = bindings?.claim(claim.address, by: id, at: now) else { return }
        if claim.kind == .detection, case .refused(let reason) = answer, reason != .unknown {
            objections.append(Objection(claim.address, by: claim.port))
        }
        switch answer {
        case .granted:
            logger.debug(
                "an address is learned", metadata: ["attachment": "\(id)", "address": "\(claim.address)"])
        case .refused(let reason):
            logger.debug(
                "a claim of an address is refused",
                metadata: [
                    "attachment": "\(id)", "address": "\(claim.address)", "reason": "\(reason.rawValue)",
                ])
        case .known: break
        }
    }

    /// What is to be answered to guests since it was asked last.
    mutating func takeObjections() -> [Objection] {
        defer { objections = [] }
        return objections
    }

    /// What is to be published since it was asked last.
    mutating func takePublications() -> [(segment: ResourceID, list: LearnedAddresses)] {
        guard bindings?.hasUnpublished == true, let segments = bindings?.takeUnpublished() else { return [] }
        return segments.sorted().map { ($0, bindings?.publication(of: $0) ?? LearnedAddresses()) }
    }

    /// How long it took from the first of the claims to the end of the turn that answered them.
    mutating func noteAnswered(_ queue: ClaimQueue, at now: ContinuousClock.Instant) {
        guard let since = queue.since else { return }
        claims.answered += 1
        claims.took += now - since
        claims.longest = max(claims.longest, now - since)
    }
}

/// What became of claims since the agent started.
package struct ClaimCounters: Hashable, Sendable {
    package var heard = 0
    /// Came faster than they could be looked at.
    package var lost = 0
    /// Turns that answered claims, and how long they took in all from the first claim on.
    package var answered = 0
    package var took = Duration.zero
    package var longest = Duration.zero

    package init() {}
}
