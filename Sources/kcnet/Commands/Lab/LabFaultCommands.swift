import ArgumentParser
import Commands
import Documents
import Laboratory
import Resources

extension LabCommand {
    struct Break: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "break", abstract: "Bring one fault about, to see what it does and who finds it.",
            discussion: """
                The fault is brought about at one attachment, towards a peer on another host. Several faults may be \
                there at once. What an agent would repair within its second is done with the host paused ('kcnet host \
                update HOST --paused'). 'kcnet lab heal' takes it away, also after a crash.

                  kcnet lab break two-hosts vxlan-down
                  kcnet lab break two-hosts multicast-dropped --attachment db --peer web
                """)

        @OptionGroup var place: Place

        @Argument(help: "Its name: 'kcnet lab list-faults' lists them.")
        var fault: String

        @Option(help: "The attachment it is brought about at. Default: the first with a peer on another host.")
        var attachment: String?

        @Option(help: "The attachment that is the other end. Default: the first on another host of the segment.")
        var peer: String?

        @Option(help: "The project of both.")
        var project = "default"

        func run() async throws {
            let laboratory = try place.laboratory()
            let fault = try Fault.named(fault)
            let record = try await laboratory.break(
                fault, project: try name(project), attachment: try attachment.map(name), peer: try peer.map(name))
            print("\(record.name) is there, at \(record.attachment) on \(record.host): \(fault.summary)")
            print("  kcnet lab heal \(laboratory.state.instance) \(record.name)")
        }

        private func name(_ text: String) throws -> Name {
            guard let name = Name(text) else { throw ValidationError("'\(text)' is not a name: it \(Name.rule)") }
            return name
        }
    }

    struct Heal: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "heal", abstract: "Take faults away that 'break' brought about.")

        @OptionGroup var place: Place

        @Argument(help: "Its name. Default: all that are there.")
        var fault: String?

        func run() async throws {
            let laboratory = try place.laboratory()
            let there = try laboratory.faults()
            let chosen = there.filter { fault == nil || $0.name == fault }
            if let fault, chosen.isEmpty {
                let names = there.map(\.name).joined(separator: ", ")
                throw ValidationError("'\(fault)' is not there; what is: \(names.isEmpty ? "nothing" : names)")
            }
            var isWhole = true
            for record in chosen.reversed() {
                let complaints = try await laboratory.heal(record)
                for complaint in complaints { say("\(record.name): \(complaint)") }
                isWhole = isWhole && complaints.isEmpty
                print("\(record.name) is taken away")
            }
            if chosen.isEmpty { print("nothing is broken") }
            if !isWhole { throw ExitCode(1) }
        }
    }

    struct ListFaults: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list-faults", abstract: "List the faults that 'break' knows, and those that are there.",
            discussion: """
                HOLDS says why it lasts: 'stays', no agent repairs such a thing; 'paused', the agent of its host is \
                paused meanwhile; 'stronger', the agent tries and cannot.
                """)

        @Argument(help: "A laboratory that is up: marks what is broken there.")
        var laboratory: String?

        @Option(help: "Where laboratories that are up keep their state.", completion: .directory)
        var stateDir = LaboratoryState.standardRoot

        func run() async throws {
            var there: [String: FaultRecord] = [:]
            if let laboratory {
                guard let name = Name(laboratory) else { throw ValidationError("'\(laboratory)' \(Name.rule)") }
                let state = try LaboratoryState(instance: name, root: stateDir)
                let folder = try TopologyFolder(path: try state.read().folder)
                for record in try Laboratory(folder: folder, state: state).faults() { there[record.name] = record }
            }
            var table = Table(["fault", "holds", "at", "what it is"])
            for fault in Fault.all {
                let record = there[fault.name]
                table.add([
                    .init(fault.name), .init(fault.holding.rawValue), .init(record.map { "\($0.attachment)" } ?? ""),
                    .init(fault.summary),
                ])
            }
            for line in table.lines() { print(line) }
        }
    }
}
