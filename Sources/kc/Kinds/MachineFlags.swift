import APIClient
import ArgumentParser
import Commands
import ComputeModel
import Documents
import Resources

struct MachineFlags: KindFlags {
    static let abstract = "VMs: machines with an image on their disk and attachments for NICs."
    static let description = KindDescription.vm
    static let settledPhases = ["running"]
    static let furtherCommands: [any ParsableCommand.Type] = [
        ActionCommand<Start>.self, ActionCommand<Stop>.self, ActionCommand<Reboot>.self, ResizeCommand.self,
        RenameCommand.self, ExplainCommand.self, NICCommand.self, ConsoleCommand.self,
    ]

    @Option(help: ArgumentHelp("What its disk begins with: an image's name or id.", valueName: "image"))
    var image: String?
    @Option(help: ArgumentHelp("A machine type's name or id.", valueName: "machine type")) var type: String?
    @Option(help: ArgumentHelp("A choice that the machine type leaves, like cpus=4; may be repeated. cpus= unsets it."))
    var parameter: [Parameter] = []
    @Option(
        help: ArgumentHelp(
            "A segment on which it gets a NIC, or attachment/NAME that is there already; may be repeated.",
            valueName: "segment"))
    var network: [String] = []
    @Option(help: "A policy of the attachments that are made for it; may be repeated.") var policy: [String] = []
    @Option(
        help: ArgumentHelp("Who may log in: a file of public keys, or a key; may be repeated.", valueName: "file"),
        completion: .file())
    var sshKey: [String] = []
    @Option(help: ArgumentHelp("A file for cloud-init. Nothing secret.", valueName: "file"), completion: .file())
    var userData: String?
    @Option(help: "on (the default) or off: whether it shall run.") var power: VirtualMachine.Power?
    @Option(help: ArgumentHelp("Only on compute hosts with these labels: rack=a,ssd.", valueName: "selector"))
    var on: String?
    @Option(help: ArgumentHelp("A group of which no two VMs share a host; may be repeated.", valueName: "group"))
    var apartFrom: [String] = []
    @Option(help: ArgumentHelp("A taint of hosts that does not matter; may be repeated.", valueName: "key"))
    var tolerate: [String] = []

    func validate() throws {
        guard policy.isEmpty || network.contains(where: { !$0.hasPrefix("attachment/") }) else {
            throw ValidationError("--policy is for attachments that are made: give a --network SEGMENT too")
        }
    }

    func edit(_ spec: JSONNode) throws -> JSONNode {
        var spec = spec.setting("machineType", text: type).setting("image", text: image)
        for parameter in parameter {
            spec = spec.setting(
                "parameters", to: (spec["parameters"] ?? .nothing).setting(parameter.name, to: parameter.value))
        }
        if !network.isEmpty {
            spec = spec.setting("networks", to: JSONNode(.array(network.map { Self.nic($0, policies: policy) })))
        }
        if !sshKey.isEmpty { spec = spec.setting("sshKeys", texts: try sshKey.flatMap(PublicKeys.read)) }
        if let userData { spec = spec.setting("userData", to: .string(try Self.text(of: userData))) }
        spec = spec.setting("power", text: power?.rawValue)
        let old = spec["placement"] ?? .nothing
        let wish = old.setting("hosts", text: on).setting("antiAffinity", texts: apartFrom)
            .setting("tolerations", texts: tolerate)
        return wish.means(old) ? spec : spec.setting("placement", to: wish)
    }

    /// A NIC as the command line says it: a segment, or `attachment/NAME`.
    static func nic(_ text: String, policies: [String]) -> JSONNode {
        let prefix = "attachment/"
        guard !text.hasPrefix(prefix) else {
            return .object([("attachment", .string(String(text.dropFirst(prefix.count))))])
        }
        return JSONNode.object([("segment", .string(text))]).setting("policies", texts: policies)
    }

    private static func text(of path: String) throws -> String {
        do { return try LocalFile.read(path, maximum: VirtualMachine.Spec.maximumUserData) } catch {
            throw Complaint(
                .usage, "cannot take --user-data \(path): \(error)",
                next:
                    "give a text file of at most \(VirtualMachine.Spec.maximumUserData) bytes; larger things the guest can fetch"
            )
        }
    }
}

extension VirtualMachine.Power: ExpressibleByArgument {}
