import Resources

/// One thing that can be wrong, and how a laboratory makes it so and right again.
///
/// A fault says nothing of what a checker should find: it must be found by measuring.
package struct Fault: Sendable {
    /// What keeps the agents from repairing it.
    package enum Holding: String, Sendable {
        /// It is outside of what an agent repairs.
        case stays
        /// The agent of the host is paused meanwhile: it measures and answers, and changes nothing.
        case paused
        /// The agent sees it and tries, and cannot.
        case stronger
    }

    /// "underlay-link-down".
    package let name: String
    /// One line for people.
    package let summary: String
    package let holding: Holding
    let script: @Sendable (FaultScene) throws(LaboratoryError) -> FaultScript

    init(
        _ name: String, _ summary: String, _ holding: Holding = .stays,
        _ script: @escaping @Sendable (FaultScene) throws(LaboratoryError) -> FaultScript
    ) {
        self.name = name
        self.summary = summary
        self.holding = holding
        self.script = script
    }

    /// Every fault, in the order of the layers they are in.
    package static let all: [Fault] = underlay + multicast + devices + guards + guests + gateways + control

    /// - Throws: `absent` with what there is.
    package static func named(_ name: String) throws(LaboratoryError) -> Fault {
        guard let fault = all.first(where: { $0.name == name }) else {
            throw LaboratoryError(
                .absent, operation: "find fault", subject: name, message: "'kcnet lab list-faults' lists them")
        }
        return fault
    }
}

/// What is done to bring a fault about, and what takes it away again.
package struct FaultScript: Hashable, Sendable {
    package var inject: [FaultStep]
    /// Each is tried whatever became of the others.
    package var heal: [FaultStep]

    init(_ inject: [FaultStep], heal: [FaultStep]) {
        self.inject = inject
        self.heal = heal
    }

    /// With the host's agent paused around it. What was broken the agent then makes right by itself.
    func whilePaused(_ host: Name) -> FaultScript {
        FaultScript([.pause(host)] + inject, heal: heal + [.resume(host)])
    }
}
