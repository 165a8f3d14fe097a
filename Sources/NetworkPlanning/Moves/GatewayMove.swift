package import NetworkModel
package import Resources

/// How a gateway's role goes from one holder to the next. Pure: facts come in, transitions come out, and whoever commits
/// one does so on condition that nothing else has changed the role since.
///
/// ```
///            begin                 flip                     clear
///  settled ─────────▶ preparing ─────────▶ leaving/settled ───────▶ settled
///     ▲                   │
///     └───────────────────┘ cancel
/// ```
///
/// While `preparing`, both holders are admitted by the guards of every host of the segments, and only the first forwards.
/// The flip is one change. Whoever had the role is cleared when it says that nothing is left there; that holds nobody up.
package struct GatewayMove: Hashable, Sendable {
    package enum Phase: String, Hashable, Sendable { case settled, preparing, leaving }

    package enum Transition: Hashable, Sendable {
        case flip
        case clear(Set<ResourceID>)
    }

    /// Why the flip waits.
    package enum Obstacle: Hashable, Sendable {
        /// The host lets through only what the present holder sends.
        case admission(ResourceID)
        /// The next holder is not ready, in its own words.
        case readiness(String)
        /// What was there before is not gone from the host; holds nothing up.
        case former(ResourceID)
    }

    package enum Refusal: Error, Hashable, Sendable {
        case isMoving(to: RoleHolder)
        case isThere
        /// The host has not yet given up what it had of the role.
        case isLeaving(ResourceID)
        case isNotMoving
    }

    /// What is known of the world at one moment.
    package struct Facts: Hashable, Sendable {
        package struct Host: Hashable, Sendable {
            /// Its lease has not ended.
            package var isUp: Bool
            /// It has said that its guards let through what both holders send.
            package var hasAdmitted: Bool

            package init(isUp: Bool, hasAdmitted: Bool) {
                self.isUp = isUp
                self.hasAdmitted = hasAdmitted
            }
        }

        /// All that have one of the segments.
        package var hosts: [ResourceID: Host]
        /// nil: it answers; otherwise what it waits for.
        package var nextWaitsFor: String?
        /// Former holders that are clear, or do not exist any more.
        package var clear: Set<ResourceID>

        package init(hosts: [ResourceID: Host], nextWaitsFor: String?, clear: Set<ResourceID>) {
            self.hosts = hosts
            self.nextWaitsFor = nextWaitsFor
            self.clear = clear
        }
    }

    package private(set) var active: RoleHolder
    package private(set) var term: UInt64
    package private(set) var next: RoleHolder?
    package private(set) var nextTerm: UInt64
    package private(set) var formers: Set<ResourceID>

    package init(active: RoleHolder, term: UInt64, next: NextHolder?, formers: Set<ResourceID>) {
        self.active = active
        self.term = term
        self.next = next?.holder
        nextTerm = next?.term ?? term
        self.formers = formers
    }

    package var phase: Phase {
        if next != nil { return .preparing }
        return formers.isEmpty ? .settled : .leaving
    }

    /// - Parameter token: the term that the role will have there; must be greater than the present one.
    package mutating func begin(to holder: RoleHolder, token: UInt64) throws(Refusal) {
        if let next { throw Refusal.isMoving(to: next) }
        if holder == active { throw Refusal.isThere }
        if let host = holder.host, formers.contains(host) { throw Refusal.isLeaving(host) }
        precondition(token > term, "a token that is not newer fences nobody off")
        next = holder
        nextTerm = token
    }

    /// Everything is as before `begin`.
    package mutating func cancel() throws(Refusal) {
        guard next != nil else { throw Refusal.isNotMoving }
        next = nil
        nextTerm = term
    }

    /// What the facts allow now; nil: nothing.
    package func transition(_ facts: Facts) -> Transition? {
        if next != nil, flipObstacles(facts).isEmpty { return .flip }
        let clear = formers.intersection(facts.clear)
        return clear.isEmpty ? nil : .clear(clear)
    }

    package mutating func make(_ transition: Transition) {
        switch transition {
        case .flip:
            guard let next else { return }
            if let host = active.host { formers.insert(host) }
            active = next
            term = nextTerm
            self.next = nil
        case .clear(let hosts): formers.subtract(hosts)
        }
    }

    /// What is waited for, in a fixed order.
    package func obstacles(_ facts: Facts) -> [Obstacle] {
        let leaving = formers.subtracting(facts.clear).sorted().map(Obstacle.former)
        return (next == nil ? [] : flipObstacles(facts)) + leaving
    }

    /// A host that is down is passed over: its guards are set right before anything else when it comes back, and whoever
    /// else has a segment no longer asks it. Otherwise a dead holder could never be replaced.
    private func flipObstacles(_ facts: Facts) -> [Obstacle] {
        let waiting = facts.hosts.filter { $0.value.isUp && !$0.value.hasAdmitted }.keys.sorted()
        return (facts.nextWaitsFor.map { [.readiness($0)] } ?? []) + waiting.map(Obstacle.admission)
    }
}
