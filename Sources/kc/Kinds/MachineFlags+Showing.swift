import APIClient
import Commands
import ComputeModel
import Documents
import NetworkModel
import Resources

extension MachineFlags {
    static let columns: [Column] = [
        .name,
        Column("state") { document, _ in
            let state = document.status?["state"]?.string ?? "-"
            let tone: Table.Tone =
                switch state {
                case "running": .good
                case "failed", "lost": .bad
                case "stopped": .plain
                default: .waiting
                }
            return .init(state, tone)
        },
        .status("host", "host"), .spec("type", "machineType"), .spec("image", "image"),
        .status("cpus", "machine.cpus"), .status("MiB", "machine.memoryMiB"),
        .status("GiB", "machine.diskGiB", wide: true),
        Column("networks") { document, names in
            let texts = document.spec?["networks"]?.elements.map { nic in
                nic["segment"].map { Column.text($0, names) }
                    ?? "attachment/" + Column.text(nic["attachment"], names)
            }
            return .init((texts ?? []).joined(separator: ","))
        },
        Column("addresses") { document, _ in
            let all = document.status?["addresses"]?.elements.compactMap(\.string) ?? []
            // Those that only its own link knows are of no use to who wants to log in.
            let global = all.filter { !$0.lowercased().hasPrefix("fe80:") }
            return .init(Column.abridged(global.isEmpty ? all : global))
        },
        .labels, .id,
        Column("why") { document, _ in .init(obstacle(document) ?? "") },
    ]

    static func aim(_ document: ResourceDocument) -> String? {
        document.spec?["power"]?.string == VirtualMachine.Power.off.rawValue ? "stopped" : "running"
    }

    static func progress(_ document: ResourceDocument) -> Progress {
        let state = document.status?["state"]?.string ?? "waiting"
        let why = obstacle(document)
        let words = state + (why.map { ": \($0)" } ?? "")
        if state == "lost" { return .hopeless(words) }
        // What its host says may still be about what it was before.
        let spoken = document.status?["generation"].flatMap { UInt64($0.displayText) } ?? 0
        if state == aim(document) {
            // One that was never placed does not run, whatever is wanted next.
            return spoken >= document.generation ? .settled : .underWay(words)
        }
        if state == "waiting", aim(document) == "stopped", document.status?["host"] == nil, spoken == 0, why != nil {
            return .settled
        }
        return .underWay(words)
    }

    /// The true reason for what is not as it shall be, in the words of whoever knows it.
    static func obstacle(_ document: ResourceDocument) -> String? {
        if let message = document.message { return message }
        let broken = document.status?["conditions"]?.elements.first { condition in
            if case .bool(false)? = condition["holds"]?.content { true } else { false }
        }
        guard let broken else { return nil }
        let kind = broken["kind"]?.string ?? ""
        // A guest without an agent is no fault, and a VM that shall not run needs not be started.
        if kind == "guestAnswers" || kind == "started" && aim(document) == "stopped" { return nil }
        let message = broken["message"]?.string ?? ""
        return message.isEmpty ? "not yet \(kind)" : message
    }

    /// Adds the names and addresses of a VM's ports: they are the network's to know.
    static func completed(
        _ documents: [ResourceDocument], _ session: Session
    ) async throws -> [ResourceDocument] {
        guard !documents.isEmpty else { return documents }
        let ports = try await ports(documents, session)
        return try documents.map { document in
            guard let own = ports[document.id.description], var status = document.status else { return document }
            let sorted = own.sorted { $0.name < $1.name }
            let addresses = sorted.flatMap { $0.status?["addresses"]?.elements ?? [] }.compactMap { $0["value"] }
            status = status.setting("attachments", texts: sorted.map(\.name.text))
            if !addresses.isEmpty { status = status.setting("addresses", to: JSONNode(.array(addresses))) }
            return try ResourceDocument(document.node.setting("status", to: status))
        }
    }

    private static func ports(
        _ documents: [ResourceDocument], _ session: Session
    ) async throws -> [String: [ResourceDocument]] {
        let collection = ResourceCollection(Attachment.kind, project: session.project)
        var ports: [String: [ResourceDocument]] = [:]
        for label in [PortLabel.made, PortLabel.given] {
            let one = documents.count == 1 ? documents.first.map { "=\($0.id)" } ?? "" : ""
            do {
                for port in try await session.client.list(collection, selector: label + one) {
                    ports[port.labels[label] ?? "", default: []].append(port)
                }
            } catch let problem as APIProblem where problem.status == 403 {
                // Who may see VMs and no attachments sees the VMs.
                return [:]
            }
        }
        return ports
    }
}
