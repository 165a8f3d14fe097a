import Addressing
import NFTables
import SeededRandomness

@testable import NetworkPlanning

/// Draws tables out of everything that a rule can say, whether it makes sense or not: what the evaluator must know of
/// nf_tables goes beyond what the guard happens to use.
struct RandomRuleset {
    let world: World
    /// Frames whose own values make matches that hold sometimes.
    let samples: [FrameGenerator.Draw]
    var random: SeededGenerator

    private static let chains: [Identifier] = ["c1", "c2", "c3", "c4", "c5"]

    mutating func table() -> (table: Table, elements: [Elements]) {
        let exact = NamedSet("s-exact", of: fields(upTo: 3))
        let marks = NamedSet("m-marks", of: fields(upTo: 2), value: .mark)
        let boxes = NamedSet(
            "m-boxes", of: [.mark, .transportProtocol, .transport(16, 16), .ipv6Source], value: .mark, interval: true)
        let small = NamedSet(
            "d-small", of: fields(upTo: 3), filling: .byPackets(seconds: nil, size: 3, counted: true))
        let timed = NamedSet("d-timed", of: fields(upTo: 2), filling: .byPackets(seconds: 60, size: 5))
        let sets = [exact, marks, boxes, small, timed]
        var chains: [Chain] = []
        for (number, name) in Self.chains.enumerated().reversed() {
            let later = Array(Self.chains[(number + 1)...])
            chains.append(Chain(name, rules: rules(sets, later, isBase: false)))
        }
        for (name, point) in [("in", Hook.Point.prerouting), ("out", .postrouting)] as [(Identifier, Hook.Point)] {
            chains.append(
                Chain(
                    name, hook: Hook(point, priority: -350, policy: random.chance(70) ? .accept : .drop),
                    rules: rules(sets, Self.chains, isBase: true)))
        }
        var elements = [Elements(.bridge, KCRuleset.table, boxes, self.boxes(boxes))]
        for set in [exact, marks] {
            var found: [ElementKey: Element] = [:]
            for _ in 0..<8 {
                guard let key = sampled(set.key) else { continue }
                let value: Element.Value =
                    switch set.value {
                    case .none: .none
                    case .mark: .mark(pick([1, 2, 0x8000_0001]))
                    }
                found[key] = Element(key: key, value: value)
            }
            elements.append(Elements(.bridge, KCRuleset.table, set, Array(found.values)))
        }
        return (Table(.bridge, KCRuleset.table, sets: sets, chains: chains), elements)
    }

    private mutating func rules(_ sets: [NamedSet], _ later: [Identifier], isBase: Bool) -> [Rule] {
        (0..<Int.random(in: 1...5, using: &random)).map { _ in
            var statements = (0..<Int.random(in: 0...3, using: &random)).map { _ in statement(sets) }
            switch Int.random(in: 0..<10, using: &random) {
            case 0: statements.append(.verdict(.accept))
            case 1: statements.append(.verdict(.drop))
            case 2: statements.append(.verdict(.return))
            case 3, 4: if let next = later.randomElement(using: &random) { statements.append(.verdict(.jump(next))) }
            case 5, 6: if let next = later.randomElement(using: &random) { statements.append(.verdict(.goto(next))) }
            case 7, 8: if let choice = choice(later) { statements.append(choice) }
            default: break
            }
            if Rule.isMisread(statements) || isReordered(statements, counting: sets[3].name) { statements = [] }
            if statements.isEmpty { statements.append(.setMark(pick([0, 1, 2]))) }
            return Rule(statements)
        }
    }

    /// Whether nft may look into the set, which counts that, before it compares what stands in front: it joins equalities
    /// of neighbouring fields at the place of the last one.
    private func isReordered(_ statements: [Statement], counting set: Identifier) -> Bool {
        let equalities = statements.count { if case .match(.equal) = $0 { true } else { false } }
        return equalities > 1
            && statements.contains { if case .match(.inSet(_, set)) = $0 { true } else { false } }
    }

    private mutating func choice(_ later: [Identifier]) -> Statement? {
        let field: Field = pick([
            .network(48, 8), .transportProtocol, .network(320, 8), .link(96, 16), .transport(0, 8), .mark,
        ])
        var cases: [Statement.Case] = []
        var seen: Set<UInt64> = []
        for _ in 0..<4 {
            let sampled = field == .mark ? pick([0, 1, 2, 0x8000_0001]) : sampledNumber(field)
            guard let number = sampled, seen.insert(number).inserted else { continue }
            let verdicts: [Verdict] = [.accept, .drop, .return] + later.map(Verdict.goto) + later.map(Verdict.jump)
            cases.append(.init(number, verdict: pick(verdicts)))
        }
        return cases.isEmpty ? nil : .choose(field, cases)
    }

    private mutating func statement(_ sets: [NamedSet]) -> Statement {
        switch Int.random(in: 0..<16, using: &random) {
        case 0: return .count
        case 1: return .setMark(pick([0, 1, 2, 0x8000_0001]))
        case 2: return .lookUpMark(sets[1].key, sets[1].name)
        case 3: return .lookUpMark(sets[2].key, sets[2].name)
        case 4: return .add(sets[3].key, sets[3].name)
        case 5: return .update(sets[4].key, sets[4].name, seconds: pick([nil, 30]))
        case 6: return .match(.inSet(sets[3].key, sets[3].name))
        case 7: return .match(.inSet(sets[0].key, sets[0].name))
        case 8: return .match(.notInSet(sets[0].key, sets[0].name))
        case 9: return .match(pick([.inputNamePrefix("kct"), .outputNamePrefix("kct"), .inputNamePrefix("kcx")]))
        default: return .match(match())
        }
    }

    private mutating func match() -> Match {
        let unaligned: [Field] = [
            .network(336, 13), .network(339, 5), .network(192, 10), .network(4, 8), .network(12, 20), .network(353, 3),
        ]
        let field = random.chance(25) ? pick(unaligned) : aligned()
        let value = sampledNumber(field) ?? 1
        let isPlain: Bool = if case .payload(let payload) = field { payload.isAligned } else { false }
        switch Int.random(in: 0..<8, using: &random) {
        case 0...2:
            if field == .ipv6Source || field == .ipv6Destination { return .equal(field, .address(address())) }
            return field.byteCount > 8 ? .isPresent(.network(0, 8)) : .equal(field, .number(value))
        case 3:
            if field == .ipv6Source || field == .ipv6Destination { return .notEqual(field, .address(address())) }
            return field.byteCount > 8 ? .isPresent(.network(0, 8)) : .notEqual(field, .number(value))
        case 4 where isPlain: return .below(field, max(1, value))
        case 5 where isPlain: return .oneOf(field, Array(Set([value, sampledNumber(field) ?? 2])))
        case 6 where isPlain:
            return .anyBit(field, pick([1, 0x80, value == 0 ? 1 : value]) & Self.mask(field) | (Self.mask(field) & 1))
        case 7 where isPlain: return .isPresent(field)
        default: return .equal(.mark, .number(pick([0, 1, 2, 0x8000_0001])))
        }
    }

    private static func mask(_ field: Field) -> UInt64 {
        field.byteCount >= 8 ? .max : (1 << UInt64(8 * field.byteCount)) - 1
    }

    private mutating func boxes(_ set: NamedSet) -> [Element] {
        // Port ranges that do not touch, so that boxes never overlap.
        let ranges: [ClosedRange<UInt64>] = [0...21, 22...52, 53...79, 80...443, 546...547, 1000...1999, 4000...65535]
        return ranges.filter { _ in random.chance(60) }.map { ports in
            let high = address()
            let low = pick([IPv6Address.unspecified, high])
            return set.box(
                .only(.number(pick([0, 1, 2]))), .only(.number(pick([6, 17, 58]))), .numbers(ports),
                ClosedBound(.address(low), .address(low == high ? high : IPv6Address(high: .max, low: .max))),
                value: .mark(pick([1, 2, 0x8000_0001])))
        }
    }

    // MARK: Fields and their values

    private mutating func aligned() -> Field {
        switch Int.random(in: 0..<12, using: &random) {
        case 0: .link(48, 64)
        case 1: .link(pick([0, 48]), 48)
        case 2: .link(pick([96, 112, 128]), 16)
        case 3: .ipv6Source
        case 4: .ipv6Destination
        case 5: .transportProtocol
        case 6: .transport(pick([0, 8, 16, 32, 64, 104]), pick([8, 16, 32]))
        case 7: .inputIndex
        case 8: .mark
        default: .network(8 * Int.random(in: 0...80, using: &random), pick([8, 8, 16, 32, 48, 64]))
        }
    }

    private mutating func fields(upTo count: Int) -> [Field] {
        (0..<Int.random(in: 1...count, using: &random)).map { _ in aligned() }
    }

    private mutating func run() -> EvaluationRun? {
        let draw = pick(samples)
        guard let frame = EvaluatedFrame(draw.bytes) else { return nil }
        return EvaluationRun(
            evaluator: FrameEvaluator(Table(.bridge, KCRuleset.table), []), frame: frame,
            input: world.ports[draw.sender].interface, output: nil, now: 0, result: Evaluation(),
            state: EvaluationState())
    }

    private mutating func sampled(_ fields: [Field]) -> ElementKey? {
        for _ in 0..<10 { if let key = run()?.key(fields) { return key } }
        return nil
    }

    private mutating func sampledNumber(_ field: Field) -> UInt64? {
        for _ in 0..<10 { if let number = run()?.number(field) { return number } }
        return nil
    }

    private mutating func address() -> IPv6Address { pick(pick(world.ports).addresses) }
    private mutating func pick<Value>(_ values: [Value]) -> Value {
        values[Int.random(in: 0..<values.count, using: &random)]
    }
}
