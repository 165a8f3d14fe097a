package import Addressing
package import NFTables

/// What happens to a frame in one table of the bridge family: the same values that are rendered to nft, interpreted.
///
/// Pure: the state of dynamic sets and of limits goes in and comes out, and so does the time. A test holds it to the
/// kernel with generated frames, verdict by verdict. Tables of `inet` are not its business: there the kernel makes itself
/// another view of a packet.
package struct FrameEvaluator: Sendable {
    let chains: [Identifier: Chain]
    let sets: [Identifier: NamedSet]
    let contents: [Identifier: StaticElements]
    /// A rule as nft writes it; nil for a chain's policy.
    package func text(of place: Evaluation.Place) -> String? {
        guard let number = place.rule, let rules = chains[place.chain]?.rules, rules.indices.contains(number) else {
            return nil
        }
        return rules[number].text
    }

    /// A look into a set as nft writes the element that it asked for.
    package func text(of look: Evaluation.Look) -> String {
        let element = sets[look.set].flatMap { set in
            // A key as rules make it; interval sets hold theirs in another order.
            var exact = set
            exact.isInterval = false
            return exact.text(of: Element(key: look.key))
        }
        return "\(look.set) { \(element ?? "?") }"
    }

    /// Those with a hook, in the order in which the kernel runs them.
    let baseChains: [Chain]

    /// - Parameters:
    ///   - table: of the family `bridge`.
    ///   - elements: of its sets; those of other tables are ignored.
    package init(_ table: Table, _ elements: [Elements]) {
        chains = Dictionary(table.chains.map { ($0.name, $0) }) { $1 }
        sets = Dictionary(table.sets.map { ($0.name, $0) }) { $1 }
        baseChains = table.chains.filter { $0.hook != nil }.sorted {
            ($0.hook?.priority ?? 0) < ($1.hook?.priority ?? 0)
        }
        var contents: [Identifier: StaticElements] = [:]
        for group in elements where group.family == table.family && group.table == table.name {
            contents[group.set.name, default: StaticElements(group.set)].add(group.values)
        }
        self.contents = contents
    }

    /// An interface as rules see it.
    package struct Interface: Hashable, Sendable {
        package var name: InterfaceName
        /// Of the kernel; dynamic sets have it in their keys.
        package var index: UInt32

        package init(_ name: InterfaceName, index: UInt32) {
            self.name = name
            self.index = index
        }
    }

    /// Runs the base chains of one hook over a frame.
    /// - Parameters:
    ///   - input: where it came in; nil at `postrouting` (the bridge does not say it there) and `output`.
    ///   - output: where it leaves; nil at `prerouting` and `input`.
    ///   - mark: what the frame carries: 0 on entry, and later what earlier hooks made of it.
    ///   - now: nanoseconds of any clock that never goes back; the state's times are of the same.
    ///   - state: dynamic sets and limits, as they are before; afterwards as they are then.
    ///   - recording: whether the evaluation tells of each rule that was met.
    package func evaluate(
        _ frame: EvaluatedFrame, at hook: Hook.Point, input: Interface?, output: Interface?, mark: UInt32 = 0,
        now: UInt64, state: inout EvaluationState, recording: Bool = false
    ) -> Evaluation {
        var result = Evaluation(mark: mark)
        for chain in baseChains {
            guard let place = chain.hook, place.point == hook else { continue }
            var run = EvaluationRun(
                evaluator: self, frame: frame, input: input, output: output, now: now, result: result, state: state,
                isRecording: recording)
            state = EvaluationState()  // the run's own alone, or each change would copy all
            run.run(chain, policy: place.policy)
            result = run.result
            state = run.state
            if result.verdict == .drop { break }
        }
        return result
    }
}
