import APIClient
import Addressing
import ComputeModel
import Logging
import Resources

/// One look at the ports of the VMs of one project, and what it finds to be done.
struct PortRound {
    let network: NetworkClient
    let project: ResourceID
    /// All VMs there are, placed or not.
    let living: Set<ResourceID>
    /// Those whose NICs are known: what these do not want is over.
    let known: Set<ResourceID>
    let logger: Logger

    private(set) var ports: [ResourceID: [Int: InterfaceOrder]] = [:]
    /// Why VMs have not all of their ports.
    private(set) var obstacles: [ResourceID: Obstacle] = [:]
    /// What is over and could not be taken away, by the attachment: of one the others never wait for it.
    private(set) var leftovers: [String: String] = [:]
    private(set) var isSettled = true
    private var mtus: [ResourceID: MTU] = [:]

    struct Obstacle: Sendable {
        var reason: String
        /// Whether it is so, and not only that nobody could be asked.
        var isSure: Bool
    }

    init(network: NetworkClient, project: ResourceID, living: Set<ResourceID>, known: Set<ResourceID>, logger: Logger) {
        self.network = network
        self.project = project
        self.living = living
        self.known = known
        self.logger = logger
    }

    mutating func run(_ wanted: [WantedPort]) async throws {
        let made = try await network.attachments(of: project, labelled: PortLabel.made)
        let byName = Dictionary(made.map { ($0.name.text, $0) }) { $1 }
        for port in wanted {
            do {
                let document = try await attachment(port, byName)
                let order = document.interface(mtu: try await mtu(of: document))
                if order?.isWired != true { isSettled = false }
                ports[port.vm, default: [:]][port.index] = order
            } catch let error as CancellationError {
                throw error
            } catch {
                isSettled = false
                let reason = (error as? Problem)?.detail ?? (error as? APIProblem)?.detail ?? "\(error)"
                obstacles[port.vm] = Obstacle(reason: "NIC \(port.index): \(reason)", isSure: Self.isSure(error))
            }
        }
        let (names, network, project) = (Set(wanted.map(\.name)), network, project)
        // A label alone, which others can write too, makes nothing a port of a VM.
        for document in made
        where document.isForMachines && isOver(document, PortLabel.made, unless: names.contains(document.name.text)) {
            try await end(document) { try await network.delete(document, in: project) }
        }
        for document in try await network.attachments(of: project, labelled: PortLabel.given)
        where isOver(document, PortLabel.given, unless: given(wanted, document)) {
            try await end(document) {
                // Who bears it without having been bound by it is only forgotten.
                let host = document.isForMachines ? nil : document.host.flatMap { ResourceID($0) }
                _ = try await network.bind(document, in: project, to: host, label: PortLabel.given, value: nil)
            }
        }
    }

    private static func isSure(_ error: any Error) -> Bool {
        switch error {
        case let problem as Problem: [.notFound, .inUse, .conflict].contains(problem.code)
        case let problem as APIProblem: (400..<500).contains(problem.status) && ![401, 429].contains(problem.status)
        default: false
        }
    }

    /// The network may refuse it: a port that somebody has protected since, or made part of something else.
    private mutating func end(_ document: ResourceDocument, _ body: () async throws -> Void) async throws {
        do { try await body() } catch let error as CancellationError {
            throw error
        } catch {
            isSettled = false
            leftovers[document.name.text] = "\(error)"
        }
    }

    /// Whether the VM that an attachment was for is gone, or wants it no more.
    private func isOver(_ document: ResourceDocument, _ label: String, unless isWanted: Bool) -> Bool {
        guard let vm = document.labels[label].flatMap({ ResourceID($0) }) else { return false }
        return !living.contains(vm) || (known.contains(vm) && !isWanted)
    }

    /// Whether the VM that an attachment was given to still wants it.
    private func given(_ wanted: [WantedPort], _ document: ResourceDocument) -> Bool {
        let vm = document.labels[PortLabel.given].flatMap { ResourceID($0) }
        return wanted.contains { $0.source == .given(document.id) && $0.vm == vm }
    }

    /// The attachment of a port, made or bound if it was not.
    private func attachment(
        _ port: WantedPort, _ made: [String: ResourceDocument]
    ) async throws -> ResourceDocument {
        switch port.source {
        case .made:
            guard let found = made[port.name] else { return try await network.create(port, in: project) }
            guard found.host != port.host.description else { return found }
            return try await network.bind(
                found, in: project, to: port.host, label: PortLabel.made, value: port.vm.description)
        case .given(let id):
            let found = try await given(id, port.index)
            let holder = found.labels[PortLabel.given]
            if let holder, holder != port.vm.description, ResourceID(holder).map(living.contains) ?? false {
                throw Problem(.inUse, "attachment '\(found.name)' is VM \(holder)'s")
            }
            if let owner = found.labels[PortLabel.made] {
                throw Problem(
                    .inUse, "attachment '\(found.name)' was made for VM \(owner), and goes with it: give another one")
            }
            guard !found.isOfGateway else {
                throw Problem(.inUse, "attachment '\(found.name)' is a gateway's own port: give another one")
            }
            // An operator's namespace that is on the VM's host already may stand for a guest: nothing of it changes.
            guard found.isForMachines || found.host == port.host.description else {
                throw Problem(
                    .conflict, "attachment '\(found.name)' has no tap: a VM takes one with the port 'tap' alone")
            }
            if holder == nil, let host = found.host, host != port.host.description {
                throw Problem(
                    .inUse,
                    "attachment '\(found.name)' is bound to another host, and not for a VM: give one that has no host")
            }
            guard holder != port.vm.description || found.host != port.host.description else { return found }
            return try await network.bind(
                found, in: project, to: port.host, label: PortLabel.given, value: port.vm.description)
        }
    }

    private func given(_ id: ResourceID, _ index: Int) async throws -> ResourceDocument {
        do { return try await network.attachment(id, in: project) } catch let problem as APIProblem
            where problem.status == 404
        {
            // By its id alone: what it was called, some servers would know and others not, and each say its own.
            throw Problem(
                .notFound,
                "attachment \(id), which was given to the VM, is gone: take the NIC away (`kc vm nic remove`, number "
                    + "\(index)), and give another one (`kc vm nic add`)")
        }
    }

    private mutating func mtu(of document: ResourceDocument) async throws -> MTU {
        guard let segment = document.segment else {
            throw Problem(.internal, "attachment '\(document.name)' says no segment")
        }
        if let known = mtus[segment] { return known }
        let mtu = try await network.mtu(ofSegment: segment, in: project)
        mtus[segment] = mtu
        return mtu
    }
}
