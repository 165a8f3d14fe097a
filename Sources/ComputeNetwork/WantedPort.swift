import ComputeModel
import ComputeService
import Resources

/// One port that a VM wants: an attachment that is made for it, or one that is given.
struct WantedPort: Hashable, Sendable {
    enum Source: Hashable, Sendable {
        case made(segment: ResourceID, policies: [Reference<NetworkPolicy>])
        case given(ResourceID)
    }

    var vm: ResourceID
    var project: ProjectIdentity
    /// Its place among the VM's networks.
    var index: Int
    /// By which it is known: it stays with the NIC when others before it go.
    var number: UInt64
    var source: Source
    /// KC's host on which the VM is placed.
    var host: ResourceID

    /// The name of an attachment that is made: nobody has to remember it, and two makers make one.
    var name: String {
        "vm-" + vm.description.lowercased().filter { $0 != "-" } + "-\(number)"
    }

    static func all(of machine: PlacedMachine) -> [WantedPort] {
        machine.networks.enumerated().compactMap { index, network in
            let source: Source
            switch network {
            case .attachment(let reference):
                guard let id = reference.id else { return nil }
                source = .given(id)
            case .segment(let reference, let policies):
                guard let id = reference.id else { return nil }
                source = .made(segment: id, policies: policies)
            }
            return WantedPort(
                vm: machine.id, project: machine.project, index: index,
                number: machine.numbers[index], source: source, host: machine.host)
        }
    }

    /// The document of an attachment that is made.
    var document: [UInt8] {
        guard case .made(let segment, let policies) = source else { return [] }
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("name", name)
            writer.member("labels", [PortLabel.made: vm.description])
            writer.name("spec")
            writer.object { writer in
                writer.member("segment", segment)
                writer.member("host", host)
                if !policies.isEmpty { writer.member("policies", policies) }
            }
        }
        return writer.bytes
    }
}
