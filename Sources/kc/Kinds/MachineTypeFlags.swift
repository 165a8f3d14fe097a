import APIClient
import ArgumentParser
import Commands
import ComputeModel
import Documents
import Resources

struct MachineTypeFlags: KindFlags {
    static let abstract = "Machine types: what VMs can be made of."
    static let description = KindDescription.machineType
    static let command = "type"
    static let aliases = ["types", "machine-type", "machine-types"]

    @Option(help: "x86_64 or arm64.") var architecture: Architecture?
    @Option(help: ArgumentHelp("CPUs: a number, or MIN-MAX with the default behind a colon.", valueName: "2 or 1-8:2"))
    var cpus: Quantity?
    @Option(help: ArgumentHelp("Memory, as --cpus; a step behind a slash.", valueName: "MiB or 512-16384/512:2048"))
    var memory: Quantity?
    @Option(help: ArgumentHelp("The root disk, as --cpus.", valueName: "GiB")) var disk: Quantity?
    @Option(help: "bios or uefi (the default); both, separated by a comma, leaves the choice to the VM.")
    var firmware: WordChoice?
    @Option(help: ArgumentHelp("host (all that the host's CPU can do, the default) or models of libvirt."))
    var cpuModel: WordChoice?
    @Option(help: ArgumentHelp("A device that its VMs have unless they say otherwise; may be repeated."))
    var device: [MachineDevice] = []
    @Option(help: ArgumentHelp("A device that they have not unless they say otherwise; may be repeated."))
    var noDevice: [MachineDevice] = []

    func edit(_ spec: JSONNode) throws -> JSONNode {
        var spec = spec.setting("architecture", text: architecture?.rawValue)
        for (member, quantity) in [("cpus", cpus), ("memoryMiB", memory), ("diskGiB", disk)] {
            if let quantity { spec = spec.setting(member, to: quantity.node) }
        }
        for (member, choice) in [("firmware", firmware), ("cpuModel", cpuModel)] {
            if let choice { spec = spec.setting(member, to: choice.node) }
        }
        for (devices, isThere) in [(device, true), (noDevice, false)] {
            for device in devices {
                let option = JSONNode.object([("default", JSONNode(.bool(isThere)))])
                spec = spec.setting("devices", to: (spec["devices"] ?? .nothing).setting(device.rawValue, to: option))
            }
        }
        return spec
    }

    static let furtherCommands: [any ParsableCommand.Type] = [ParametersCommand.self]

    static let columns: [Column] = [
        .name, .spec("architecture", "architecture"), quantity("cpus", "cpus"), quantity("memory MiB", "memoryMiB"),
        quantity("disk GiB", "diskGiB"), choice("firmware", "firmware"), choice("cpu model", "cpuModel", wide: true),
        .spec("form", "form", wide: true), .labels, .id,
    ]

    private static func quantity(_ title: String, _ member: String) -> Column {
        Column(title) { document, _ in
            guard let node = document.spec?[member] else { return "" }
            guard let minimum = node["minimum"], let maximum = node["maximum"] else { return .init(node.displayText) }
            return .init("\(minimum.displayText)-\(maximum.displayText)")
        }
    }

    private static func choice(_ title: String, _ member: String, wide: Bool = false) -> Column {
        Column(title, wide: wide) { document, _ in
            guard let node = document.spec?[member] else { return "" }
            return .init(node["choices"]?.elements.map(\.displayText).joined(separator: ",") ?? node.displayText)
        }
    }
}

extension Architecture: ExpressibleByArgument {}
extension MachineDevice: ExpressibleByArgument {}
