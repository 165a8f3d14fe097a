package import Resources

/// The predicted way of one frame and of its answer: every table, rule and device that they would meet. Made from plans
/// alone; no host was asked.
package struct Trace: Hashable, Sendable {
    package enum Verdict: String, Choice {
        case passes
        case stopped
        /// Nothing that KC knows stops it, and something that KC does not know decides.
        case unknown
    }

    package struct End: Hashable, Sendable {
        /// nil for an end outside.
        package var name: String?
        package var address: String
        /// The operator's.
        package var host: String?

        package init(name: String?, address: String, host: String?) {
            self.name = name
            self.address = address
            self.host = host
        }
    }

    /// The state of the store that the plans are of.
    package var revision: Revision
    package var from: End
    package var to: End
    package var flow: TraceFlow
    package var verdict: Verdict
    /// In order: the way there, then the way back.
    package var steps: [TraceStep]
    /// What the prediction takes for granted, a sentence each without its full stop.
    package var notes: [String]

    package init(
        revision: Revision, from: End, to: End, flow: TraceFlow, verdict: Verdict, steps: [TraceStep], notes: [String]
    ) {
        self.revision = revision
        self.from = from
        self.to = to
        self.flow = flow
        self.verdict = verdict
        self.steps = steps
        self.notes = notes
    }

    /// The same for who may see the project and nothing of the hosts: without hosts, devices, tables, rules, tunnel
    /// endpoints and VNIs.
    package var forProject: Trace {
        var trace = self
        trace.from.host = nil
        trace.to.host = nil
        trace.steps = steps.filter { $0.place != .tunnel || $0.verdict != .passes }.map(\.forProject)
        return trace
    }
}

/// One thing on the way, and what it does with the frame.
package struct TraceStep: Hashable, Sendable {
    package enum Direction: String, Choice { case there, back }
    package enum Place: String, Choice {
        /// Where the frame is made or taken.
        case guest
        /// The guards and policies of a port.
        case port
        case bridge
        /// VXLAN and the underlay below it; operators alone see it.
        case tunnel
        /// A gateway's routes.
        case router
        /// A gateway's filter.
        case firewall
        /// Between IPv6 and IPv4.
        case translator
        /// Where KC's knowledge ends.
        case outside
    }

    package var direction: Direction
    package var place: Place
    package var verdict: Trace.Verdict
    /// The name of the reason that drops count under; nil unless something stops the frame.
    package var reason: String?
    /// What happens, in words that name nothing of the operator's.
    package var text: String
    /// What lets it through, where that may be wanted; a command where there is one.
    package var mend: String?

    // MARK: The operator's

    package var host: String?
    package var device: String?
    /// "bridge kc".
    package var table: String?
    package var rules: [TraceRule]
    /// Elements whose absence decided, as "set { key }".
    package var missing: [String]
    package var detail: [String]

    package init(
        _ direction: Direction, _ place: Place, _ verdict: Trace.Verdict, _ text: String, reason: String? = nil,
        mend: String? = nil, host: String? = nil, device: String? = nil, table: String? = nil, rules: [TraceRule] = [],
        missing: [String] = [], detail: [String] = []
    ) {
        self.direction = direction
        self.place = place
        self.verdict = verdict
        self.text = text
        self.reason = reason
        self.mend = mend
        self.host = host
        self.device = device
        self.table = table
        self.rules = rules
        self.missing = missing
        self.detail = detail
    }

    var forProject: TraceStep {
        guard place != .tunnel else {
            return TraceStep(
                direction, .bridge, verdict, "the hosts' plans do not fit: ask the operator", reason: reason)
        }
        return TraceStep(direction, place, verdict, text, reason: reason, mend: mend)
    }
}

/// A rule that a frame meets and that decides where it goes on.
package struct TraceRule: Hashable, Sendable {
    package var chain: String
    /// From 1 in its chain; 0 is the chain's policy.
    package var number: Int
    /// As nft writes it.
    package var text: String

    package init(chain: String, number: Int, text: String) {
        self.chain = chain
        self.number = number
        self.text = text
    }
}
