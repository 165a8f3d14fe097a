import NetworkModel
import NetworkPlanning
import Resources
import SeededRandomness
import Testing

/// The way of a role from holder to holder, under whatever order of acknowledgements, deaths and second thoughts.
@Suite struct GatewayMoveTests {
    /// Hosts as they would behave: each lets through what it last heard of.
    private struct Model {
        struct Host {
            var isUp = true
            /// Whom its guards let through.
            var admitted: Set<RoleHolder>
            /// Whether it is ready to route with this term.
            var readyFor: UInt64?
            /// Whether anything of a former role is left.
            var hasRemains = false
        }

        var move: GatewayMove
        var hosts: [ResourceID: Host]
        var generation: UInt64 = 1
        /// Each flip: from whom to whom.
        var flips: [(RoleHolder, RoleHolder)] = []

        var admitted: Set<RoleHolder> { Set([move.active, move.next].compactMap(\.self)) }

        var facts: GatewayMove.Facts {
            var facts = GatewayMove.Facts(hosts: [:], nextWaitsFor: nil, clear: [])
            for (id, host) in hosts {
                facts.hosts[id] = .init(isUp: host.isUp, hasAdmitted: host.admitted == admitted)
                if host.isUp, !host.hasRemains { facts.clear.insert(id) }
            }
            if let next = move.next?.host {
                let isReady = hosts[next]?.isUp == true && hosts[next]?.readyFor == move.nextTerm
                facts.nextWaitsFor = isReady ? nil : "is being set up"
            }
            return facts
        }

        mutating func admit(_ id: ResourceID) {
            let now = admitted
            hosts[id]?.admitted = now
        }

        mutating func prepare(_ id: ResourceID) {
            let term = move.nextTerm
            hosts[id]?.readyFor = term
        }

        mutating func advance() {
            guard let transition = move.transition(facts) else { return }
            let before = move
            move.make(transition)
            guard transition == .flip else { return }
            flips.append((before.active, move.active))
            #expect(move.term == before.nextTerm && move.term > before.term)
            for (id, host) in hosts where host.isUp {
                #expect(host.admitted.contains(move.active), "\(id) does not let the new holder through")
                #expect(host.admitted.contains(before.active), "\(id) had shut the old holder out before the flip")
            }
            if let old = before.active.host { hosts[old]?.hasRemains = true }
            if let new = move.active.host {
                #expect(hosts[new]?.isUp == true && hosts[new]?.readyFor == before.nextTerm, "flipped to \(new)")
            }
        }
    }

    private func model(hosts: Int) -> Model {
        let ids = (1...hosts).map { Scenario.id(kind: 4, $0) }
        let first = RoleHolder.host(ids[0])
        var known: [ResourceID: Model.Host] = [:]
        for id in ids { known[id] = Model.Host(admitted: [first]) }
        return Model(move: GatewayMove(active: first, term: 0, next: nil, formers: []), hosts: known)
    }

    @Test func `whatever happens in whatever order, the role has one holder that everybody alive lets through`() throws
    {
        var random = SeededGenerator(printedFor: "gateway moves")
        var flips = 0
        var cancelled = 0
        for _ in 0..<300 {
            var model = model(hosts: 4)
            let ids = model.hosts.keys.sorted()
            for _ in 0..<200 {
                let id = ids[Int.random(in: 0..<ids.count, using: &random)]
                switch Int.random(in: 0..<10, using: &random) {
                case 0, 1:
                    model.generation += 1
                    // Refused while it moves, or to where it is: as good a step as any.
                    try? model.move.begin(to: .host(id), token: model.generation)
                case 2:
                    guard random.chance(30) else { break }
                    let before = (model.move.active, model.move.term, model.move.formers)
                    // Refused while nothing moves.
                    guard (try? model.move.cancel()) != nil else { break }
                    #expect((model.move.active, model.move.term) == (before.0, before.1))
                    #expect(model.move.formers == before.2 && model.move.next == nil)
                    cancelled += 1
                case 3: model.hosts[id]?.isUp = false
                case 4:
                    // Comes back: the whole state is taken over before anything else.
                    model.hosts[id]?.isUp = true
                    model.admit(id)
                case 5, 6, 7: if model.hosts[id]?.isUp == true { model.admit(id) }
                case 8:
                    if let next = model.move.next?.host, model.hosts[next]?.isUp == true { model.prepare(next) }
                default: if model.move.formers.contains(id) { model.hosts[id]?.hasRemains = false }
                }
                model.advance()
            }
            flips += model.flips.count
            // When everybody lives and answers, all moves end.
            for id in ids {
                model.hosts[id]?.isUp = true
                model.admit(id)
                model.hosts[id]?.hasRemains = false
                if model.move.next == .host(id) { model.prepare(id) }
            }
            for _ in 0..<3 {
                model.advance()
                for id in ids { model.hosts[id]?.hasRemains = false }
            }
            #expect(model.move.phase == .settled, "\(model.move)")
        }
        #expect(flips > 100 && cancelled > 100, "\(flips) flips, \(cancelled) undone: too few to say anything")
    }

    @Test func `a dead holder is passed over, a dead successor is not`() throws {
        var model = model(hosts: 3)
        let ids = model.hosts.keys.sorted()
        model.hosts[ids[0]]?.isUp = false
        try model.move.begin(to: .host(ids[1]), token: 2)
        model.hosts[ids[1]]?.readyFor = 2
        for id in ids.dropFirst() { model.admit(id) }
        model.hosts[ids[1]]?.isUp = false
        #expect(model.move.transition(model.facts) == nil)
        model.hosts[ids[1]]?.isUp = true
        #expect(model.move.transition(model.facts) == .flip)
        model.advance()
        #expect(model.move.active == .host(ids[1]) && model.move.phase == .leaving)
        // It holds nobody up: the role may move on, but not to where remains of it are.
        #expect(throws: GatewayMove.Refusal.isLeaving(ids[0])) { try model.move.begin(to: .host(ids[0]), token: 3) }
        try model.move.begin(to: .host(ids[2]), token: 3)
    }

    @Test func `what is waited for is named`() throws {
        var model = model(hosts: 3)
        let ids = model.hosts.keys.sorted()
        #expect(throws: GatewayMove.Refusal.isThere) { try model.move.begin(to: .host(ids[0]), token: 2) }
        #expect(throws: GatewayMove.Refusal.isNotMoving) { try model.move.cancel() }
        try model.move.begin(to: .host(ids[1]), token: 2)
        #expect(throws: GatewayMove.Refusal.isMoving(to: .host(ids[1]))) {
            try model.move.begin(to: .host(ids[2]), token: 3)
        }
        #expect(
            model.move.obstacles(model.facts)
                == [.readiness("is being set up")] + ids.map(GatewayMove.Obstacle.admission))
    }
}
