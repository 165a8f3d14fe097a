package import Resources

/// What the host of a VM, or the scheduler, says about it. Kept apart from the VM, without history.
package struct VirtualMachineReport: Hashable, JSONCodable {
    package enum State: String, Choice {
        /// Not begun: a condition says what it waits for.
        case waiting
        case starting, running, stopping, stopped
        /// It does not run, and a condition says why; KC tries again.
        case failed
        /// Its host is lost: whether it runs is not known, and it is started nowhere else.
        case lost
    }

    package var state: State
    /// The generation of the VM that this speaks of.
    package var generation: UInt64
    package var since: Timestamp
    /// In the order of `Condition.Kind.allCases`; each kind at most once.
    package var conditions: [Condition]

    package init(state: State, generation: UInt64, since: Timestamp, conditions: [Condition] = []) {
        self.state = state
        self.generation = generation
        self.since = since
        self.conditions = conditions
    }

    /// The first condition that does not hold: the reason for whatever is not as it shall be.
    package var obstacle: Condition? { conditions.first { !$0.holds } }

    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            state: try reader.required("state"), generation: try reader.required("generation"),
            since: try reader.required("since"), conditions: try reader.optional("conditions") ?? [])
        try reader.finish()
        let places = conditions.compactMap { Condition.Kind.allCases.firstIndex(of: $0.kind) }
        guard zip(places, places.dropFirst()).allSatisfy({ $0 < $1 }) else {
            throw FieldError(field: reader.path(of: "conditions"), rule: "must be in order and without repetition")
        }
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("state", state)
            writer.member("generation", generation)
            writer.member("since", since)
            writer.member("conditions", conditions)
        }
    }
}

/// One thing that must be so for a VM to run, and whether it is.
package struct Condition: Hashable, JSONCodable {
    /// In the order in which they come to be.
    package enum Kind: String, Choice {
        /// It has a host.
        case placed
        /// Its image is on that host, and its disk made from it.
        case diskReady
        /// All its attachments are wired: it never starts on a half-made port.
        case attachmentsWired
        /// The hypervisor knows it.
        case defined
        /// The hypervisor runs it; of machines that shall run.
        case started
        /// The guest's agent answers; only of machines that have the device.
        case guestAnswers
    }

    package var kind: Kind
    package var holds: Bool
    package var since: Timestamp
    /// For people: what is missing, with the words of whoever refused it.
    package var message: String

    /// In bytes; longer ones are cut.
    package static let maximumMessage = 1024

    package init(_ kind: Kind, holds: Bool, since: Timestamp, message: String = "") {
        self.kind = kind
        self.holds = holds
        self.since = since
        self.message = String(decoding: message.utf8.prefix(Self.maximumMessage), as: UTF8.self)
    }

    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            try reader.required("kind"), holds: try reader.required("holds"), since: try reader.required("since"),
            message: try reader.optional("message") ?? "")
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("kind", kind)
            writer.member("holds", holds)
            writer.member("since", since)
            if !message.isEmpty { writer.member("message", message) }
        }
    }
}
