import APIClient
import ArgumentParser
import Commands
import Documents
import Resources

/// `kc vm nic`: NICs that come and go while a VM is there.
struct NICCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nic",
        abstract: "NICs that come and go: at once where its guest allows, else with its next start.",
        subcommands: [List.self, Add.self, Remove.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List its NICs with their numbers.", aliases: ["ls"])

        @Argument(help: "The VM's name or id.") var item: String
        @OptionGroup var project: ProjectOptions
        @OptionGroup var output: OutputOptions
        @OptionGroup(title: "Connection") var connection: ConnectionOptions

        func run() async throws {
            try await connection.withSession(project: project.project, format: output.output) { session in
                let document = try await session.client.get(session.collection(MachineFlags.description), item)
                let networks = document.spec?["networks"]?.elements ?? []
                guard session.format.isTable else { return session.print(JSONNode(.array(networks))) }
                let names = try await session.names(for: [document], MachineFlags.description)
                var table = Table(["nic", "network", "policies"])
                for (number, nic) in networks.enumerated() {
                    let network = nic["segment"].map { Column.text($0, names) }
                    table.add([
                        .init("\(number)"), .init(network ?? "attachment/" + Column.text(nic["attachment"], names)),
                        .init(Column.text(nic["policies"], names)),
                    ])
                }
                guard !networks.isEmpty else { return Terminal.error("vm \(document.name) has no NIC") }
                for line in table.lines(coloured: Terminal.isColoured) { Terminal.line(line) }
            }
        }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "add", abstract: "Give it one NIC more, as its last one.",
            discussion: "Its port is made and deleted with it; attachment/NAME gives one that is there already.")

        @Argument(help: "The VM's name or id.") var item: String
        @Option(
            help: ArgumentHelp("A segment, or attachment/NAME that is there already.", valueName: "segment"))
        var network: String
        @Option(help: "A policy of the attachment that is made, also a built-in one; may be repeated.")
        var policy: [String] = []
        @OptionGroup var project: ProjectOptions
        @OptionGroup var output: OutputOptions
        @OptionGroup(title: "Connection") var connection: ConnectionOptions

        func validate() throws {
            guard policy.isEmpty || !network.hasPrefix("attachment/") else {
                throw ValidationError("--policy is for an attachment that is made: one that is there has its own")
            }
        }

        func run() async throws {
            try await connection.withSession(project: project.project, format: output.output) { session in
                let new = MachineFlags.nic(network, policies: policy)
                let document = try await session.change(MachineFlags.description, item) { document in
                    let spec = document["spec"] ?? .nothing
                    return document.setting(
                        "spec",
                        to: spec.setting("networks", to: JSONNode(.array((spec["networks"]?.elements ?? []) + [new]))))
                }
                try await session.show(document, MachineFlags.self)
            }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "remove", abstract: "Take one of its NICs.",
            discussion: "NICs are counted from 0, in the order in which `kc vm nic list` has them.")

        @Argument(help: "The VM's name or id.") var item: String
        @Argument(help: ArgumentHelp("Which one, from 0.", valueName: "number")) var number: Int
        @OptionGroup var project: ProjectOptions
        @OptionGroup var output: OutputOptions
        @OptionGroup(title: "Connection") var connection: ConnectionOptions

        func validate() throws {
            guard number >= 0 else { throw ValidationError("NICs are counted from 0") }
        }

        func run() async throws {
            try await connection.withSession(project: project.project, format: output.output) { session in
                let document = try await session.change(MachineFlags.description, item) { document in
                    let spec = document["spec"] ?? .nothing
                    var networks = spec["networks"]?.elements ?? []
                    guard networks.indices.contains(number) else {
                        throw Complaint(
                            .usage, "VM '\(item)' has \(networks.count) NICs, counted from 0; there is no \(number)",
                            next: "kc vm nic list \(item)")
                    }
                    networks.remove(at: number)
                    return document.setting("spec", to: spec.setting("networks", to: JSONNode(.array(networks))))
                }
                try await session.show(document, MachineFlags.self)
            }
        }
    }
}
