import NFTables

/// One frame on its way through the chains of one hook (nft_do_chain, net/netfilter/nf_tables_core.c).
struct EvaluationRun {
    let evaluator: FrameEvaluator
    let frame: EvaluatedFrame
    let input: FrameEvaluator.Interface?
    let output: FrameEvaluator.Interface?
    let now: UInt64
    var result: Evaluation
    var state: EvaluationState
    var isRecording = false
    /// The rule that is being tried, for the record.
    private var place = Evaluation.Place("none", rule: nil)

    init(
        evaluator: FrameEvaluator, frame: EvaluatedFrame, input: FrameEvaluator.Interface?,
        output: FrameEvaluator.Interface?, now: UInt64, result: Evaluation, state: EvaluationState,
        isRecording: Bool = false
    ) {
        self.evaluator = evaluator
        self.frame = frame
        self.input = input
        self.output = output
        self.now = now
        self.result = result
        self.state = state
        self.isRecording = isRecording
    }

    mutating func recordMiss(_ set: Identifier, _ key: ElementKey) {
        if isRecording { result.trail.missed.append(.init(place: place, set: set, key: key)) }
    }

    /// How a statement ends.
    enum Step {
        /// The rule goes on.
        case next
        /// The rule ends, the chain goes on.
        case `break`
        case verdict(Verdict)
    }

    /// The kernel refuses deeper jumps when rules are loaded (NFT_JUMP_STACK_SIZE).
    private static let depth = 16
    /// More chains than that are a loop, which the kernel refuses when rules are loaded.
    private static let chains = 1_000

    mutating func run(_ base: Chain, policy: Hook.Policy) {
        var stack: [(chain: Chain, rule: Int)] = []
        var chain = base
        var rule = 0
        var entered = 0
        while true {
            if rule < chain.rules.count {
                rule += 1
                switch self.rule(chain, rule - 1) {
                case nil: continue
                case .accept?, .drop?: return
                case .jump(let name)?:
                    guard let next = evaluator.chains[name], stack.count < Self.depth else {
                        return refuse(chain, rule)
                    }
                    stack.append((chain, rule))
                    (chain, rule) = (next, 0)
                    entered += 1
                case .goto(let name)?:
                    guard let next = evaluator.chains[name], entered < Self.chains else { return refuse(chain, rule) }
                    (chain, rule) = (next, 0)
                    entered += 1
                case .return?: rule = chain.rules.count
                }
                continue
            }
            guard let back = stack.popLast() else { break }
            (chain, rule) = back
        }
        result.decidedBy = .init(base.name, rule: nil)
        result.verdict = policy == .accept ? .accept : .drop
    }

    /// A ruleset that the kernel would not have loaded.
    private mutating func refuse(_ chain: Chain, _ rule: Int) {
        result.decidedBy = .init(chain.name, rule: rule - 1)
        result.verdict = .drop
    }

    /// - Returns: the verdict; nil when the next rule is to be tried.
    private mutating func rule(_ chain: Chain, _ number: Int) -> Verdict? {
        let place = Evaluation.Place(chain.name, rule: number)
        if isRecording { self.place = place }
        for (index, statement) in chain.rules[number].statements.enumerated() {
            switch step(statement, place, index) {
            case .next: continue
            case .break: return nil
            case .verdict(let verdict):
                if isRecording { result.trail.rules.append(place) }
                if verdict == .accept || verdict == .drop {
                    result.decidedBy = place
                    result.verdict = verdict == .accept ? .accept : .drop
                }
                return verdict
            }
        }
        return nil
    }

    private mutating func step(_ statement: Statement, _ place: Evaluation.Place, _ index: Int) -> Step {
        switch statement {
        case .match(let match): return holds(match) ? .next : .break
        case .count: return .next
        case .limit(let limit):
            return goesOn(.rule(place, statement: index), limit) ? .next : .break
        case .setMark(let mark):
            result.mark = mark
            return .next
        case .lookUpMark(let fields, let map):
            guard let element = find(fields, in: map), case .mark(let mark) = element.value else { return .break }
            result.mark = mark
            return .next
        case .add(let fields, let set, let seconds):
            return touch(fields, set, seconds: seconds, renews: false) ? .next : .break
        case .update(let fields, let set, let seconds):
            return touch(fields, set, seconds: seconds, renews: true) ? .next : .break
        case .log(let log):
            result.logged = log
            return .next
        case .choose(let field, let cases):
            guard let number = number(field), let found = cases.first(where: { $0.values.contains(number) }) else {
                return .break
            }
            return .verdict(found.verdict)
        case .verdict(let verdict): return .verdict(verdict)
        }
    }

    mutating func goesOn(_ place: EvaluationState.BucketPlace, _ limit: Limit) -> Bool {
        EvaluationState.Bucket.goesOn(&state.buckets[place], limit, length: frame.network.count, now: now)
    }
}
