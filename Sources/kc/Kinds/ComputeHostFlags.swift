import APIClient
import ArgumentParser
import Commands
import ComputeModel
import Documents
import Resources

struct ComputeHostFlags: KindFlags {
    static let abstract = "Compute hosts: those of KC's hosts that run VMs, and what may be promised of them."
    static let description = KindDescription.computeHost
    static let command = "host"
    static let aliases = ["hosts", "compute-host", "compute-hosts"]
    static let settledPhases = ["ready"]
    static let furtherCommands: [any ParsableCommand.Type] = [
        HostActionCommand<Cordon>.self, HostActionCommand<Uncordon>.self, HostActionCommand<Drain>.self,
    ]

    @Option(help: ArgumentHelp("Which of KC's hosts it is (`kcnet host list`): its name or id.", valueName: "host"))
    var host: String?
    @Option(help: "CPUs kept back for the host itself (default: 0).") var reservedCPUs: UInt64?
    @Option(help: ArgumentHelp("Memory kept back (default: 1024).", valueName: "MiB")) var reservedMemory: UInt64?
    @Option(help: ArgumentHelp("Disk kept back (default: 10).", valueName: "GiB")) var reservedDisk: UInt64?
    @Option(help: ArgumentHelp("How much of its CPUs is promised (default: 400).", valueName: "percent"))
    var overcommitCPUs: UInt64?
    @Option(help: ArgumentHelp("How much of its memory is promised (default: 100).", valueName: "percent"))
    var overcommitMemory: UInt64?
    @Option(help: ArgumentHelp("How much of its disk is promised (default: 100).", valueName: "percent"))
    var overcommitDisk: UInt64?
    @Option(help: ArgumentHelp("What keeps VMs away: KEY=refuse or KEY=avoid; may be repeated.", valueName: "taint"))
    var taint: [String] = []

    func edit(_ spec: JSONNode) throws -> JSONNode {
        var spec = spec.setting("host", text: host)
        func set(_ member: String, _ node: JSONNode) {
            if !node.members.isEmpty { spec = spec.setting(member, to: node) }
        }
        // A part that is not given keeps its value, or gets that of the API.
        let standard = JSONNode.object([]).setting("cpus", number: UInt64(0))
            .setting("memoryMiB", number: ComputeHost.Spec.standardReserve.memoryMiB)
            .setting("diskGiB", number: ComputeHost.Spec.standardReserve.diskGiB)
        let isReserved = reservedCPUs != nil || reservedMemory != nil || reservedDisk != nil
        set(
            "reserved",
            (spec["reserved"] ?? (isReserved ? standard : .nothing)).setting("cpus", number: reservedCPUs)
                .setting("memoryMiB", number: reservedMemory).setting("diskGiB", number: reservedDisk))
        set(
            "overcommit",
            (spec["overcommit"] ?? .nothing).setting("cpuPercent", number: overcommitCPUs)
                .setting("memoryPercent", number: overcommitMemory).setting("diskPercent", number: overcommitDisk))
        guard !taint.isEmpty else { return spec }
        return spec.setting("taints", to: JSONNode(.array(try taint.map(Self.taint))))
    }

    private static func taint(_ text: String) throws -> JSONNode {
        let halves = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard halves.count == 2 else { throw ValidationError("--taint \(text): write it as KEY=refuse or KEY=avoid") }
        return .object([("key", .string(halves[0])), ("effect", .string(halves[1]))])
    }

    static let columns: [Column] = [
        .name, .spec("host", "host"),
        Column("state") { document, _ in
            let state = document.status?["state"]?.string ?? "-"
            let tone: Table.Tone = state == "ready" ? .good : state == "lost" ? .bad : .waiting
            return .init(state, tone)
        },
        .status("vms", "vms"), .status("architecture", "architecture"), .status("kvm", "kvm"),
        free("cpus", "cpus"), free("memory MiB", "memoryMiB"), free("disk GiB", "diskGiB"), .labels, .id,
        Column("why") { document, _ in
            // A host whose hypervisor does not answer may be ready all the same: its VMs run on.
            .init(document.status?["lost"]?["reason"]?.string ?? document.status?["message"]?.string ?? "")
        },
    ]

    /// "3 of 8".
    private static func free(_ title: String, _ member: String) -> Column {
        Column("free \(title)") { document, _ in
            guard let free = document.status?["free"]?[member], let all = document.status?["allocatable"]?[member]
            else { return "" }
            return .init("\(free.displayText) of \(all.displayText)")
        }
    }

    static func progress(_ document: ResourceDocument) -> Progress {
        let state = document.status?["state"]?.string ?? "unknown"
        if state == "ready" { return .settled }
        return .underWay(state + (document.status?["lost"]?["reason"]?.string.map { ": \($0)" } ?? ""))
    }
}
