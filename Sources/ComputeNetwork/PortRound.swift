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
    private(set) var obstacles: [ResourceID: String] = [:]
    private(set) var isSettled = true
    private var mtus: [ResourceID: MTU] = [:]

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
                obstacles[port.vm] = "NIC \(port.index): \(error)"
            }
        }
        let names = Set(wanted.map(\.name))
        for document in made
        where isOver(document, PortLabel.made, unless: names.contains(document.name.text)) {
            try await network.delete(document, in: project)
        }
        for document in try await network.attachments(of: project, labelled: PortLabel.given)
        where isOver(document, PortLabel.given, unless: given(wanted, document)) {
            _ = try await network.bind(document, in: project, to: nil, label: PortLabel.given, value: nil)
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
            let found = try await network.attachment(id, in: project)
            let holder = found.labels[PortLabel.given]
            if let holder, holder != port.vm.description, ResourceID(holder).map(living.contains) ?? false {
                throw Problem(.inUse, "attachment '\(found.name)' is VM \(holder)'s")
            }
            guard holder != port.vm.description || found.host != port.host.description else { return found }
            return try await network.bind(
                found, in: project, to: port.host, label: PortLabel.given, value: port.vm.description)
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
