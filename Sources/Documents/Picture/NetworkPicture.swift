package import Resources

/// A cloud as one looks at it: hosts, and on each of them the segments with what is attached there.
///
/// A value made from what the API shows; its renderings are pure.
package struct NetworkPicture: Hashable, Sendable {
    /// How well something is.
    package enum State: Hashable, Sendable {
        /// As it shall be.
        case good
        /// On its way.
        case waiting
        /// Not as it shall be.
        case bad
        /// Nothing is known, or nothing is there.
        case unknown
    }

    package struct Machine: Hashable, Sendable {
        package var id: ResourceID
        package var name: String
        package var vtep: String
        package var phase: String
        package var state: State
        package var message: String?
    }

    package struct Lane: Hashable, Sendable {
        package var id: ResourceID
        package var project: String
        package var name: String
        /// In hexadecimal, as in the names of its devices; nil for who may not see it.
        package var vni: String?
        package var prefix: String?
        package var replication: String
        /// By host: how the segment is there; a host without it is missing.
        package var hosts: [ResourceID: Place]
    }

    /// One thing at one place.
    package struct Place: Hashable, Sendable {
        package var phase: String
        package var state: State
        package var message: String?
    }

    /// An attachment, or a gateway's port.
    package struct Port: Hashable, Sendable {
        package var name: String
        package var segment: ResourceID
        /// nil: bound to none.
        package var host: ResourceID?
        /// An address that says most: the first that is not link-local, or nothing.
        package var address: String
        package var place: Place
        package var isGateway: Bool
    }

    /// By name.
    package var machines: [Machine]
    /// By project and name.
    package var lanes: [Lane]
    /// By name, gateways first.
    package var ports: [Port]

    package init(machines: [Machine], lanes: [Lane], ports: [Port]) {
        self.machines = machines.sorted { $0.name < $1.name }
        self.lanes = lanes.sorted { ($0.project, $0.name) < ($1.project, $1.name) }
        self.ports = ports.sorted { $0.isGateway == $1.isGateway ? $0.name < $1.name : $0.isGateway }
    }

    /// What is attached to a segment at a host; with nil, what is bound to none.
    package func ports(of lane: Lane, on host: ResourceID?) -> [Port] {
        ports.filter { $0.segment == lane.id && $0.host == host }
    }

    /// Whether all of it belongs to one project, which then need not be said.
    var isOfOneProject: Bool { Set(lanes.map(\.project)).count < 2 }

    func title(of lane: Lane) -> String { isOfOneProject ? lane.name : "\(lane.project)/\(lane.name)" }
}

extension NetworkPicture.State {
    /// - Parameter phase: as any kind's status has it; nil: none is known.
    package init(phase: String?) {
        switch phase {
        case "wired", "up": self = .good
        case "pending": self = .waiting
        case nil, "never-seen": self = .unknown
        default: self = .bad
        }
    }

    var tone: Table.Tone {
        switch self {
        case .good: .good
        case .waiting: .waiting
        case .bad: .bad
        case .unknown: .quiet
        }
    }
}
