import APIClient
import ArgumentParser
import Commands
import Documents
import Resources

/// `kc vm resize`: another machine type, other parameters, or both.
struct ResizeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resize", abstract: "Give it another machine type or other parameters.",
        discussion: "It must not run meanwhile (`kc vm stop`), its host must have the room, and its disk never shrinks."
    )

    @Argument(help: "Its name or id.") var item: String
    @Option(help: ArgumentHelp("A machine type's name or id.", valueName: "machine type")) var type: String?
    @Option(help: ArgumentHelp("A choice that the machine type leaves, like cpus=4; may be repeated. cpus= unsets it."))
    var parameter: [Parameter] = []
    @OptionGroup var project: ProjectOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    func validate() throws {
        guard type != nil || !parameter.isEmpty else {
            throw ValidationError("say what it shall become: --type NAME, --parameter cpus=4")
        }
    }

    func run() async throws {
        try await connection.withSession(project: project.project, format: output.output) { session in
            let document = try await session.change(MachineFlags.description, item) { document in
                var spec = (document["spec"] ?? .nothing).setting("machineType", text: type)
                for parameter in parameter {
                    spec = spec.setting(
                        "parameters",
                        to: (spec["parameters"] ?? .nothing).setting(parameter.name, to: parameter.value))
                }
                return document.setting("spec", to: spec)
            }
            try await session.show(document, MachineFlags.self)
        }
    }
}

/// `kc vm rename`: KC's name of it; what its guest calls itself stays until it is told anew.
struct RenameCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "rename", abstract: "Give it another name.")

    @Argument(help: "Its name or id.") var item: String
    @Argument(help: "The new name: a DNS label.") var name: String
    @OptionGroup var project: ProjectOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    func run() async throws {
        try await connection.withSession(project: project.project, format: output.output) { session in
            let document = try await session.change(MachineFlags.description, item) {
                $0.setting("name", to: .string(name))
            }
            try await session.show(document, MachineFlags.self)
        }
    }
}
