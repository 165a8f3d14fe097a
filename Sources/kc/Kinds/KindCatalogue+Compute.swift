import ComputeModel
import Documents
import NetworkModel

extension KindDescription {
    static let computeHost = KindDescription(ComputeHost.self, references: [("host", Host.kind)])
    static let machineType = KindDescription(MachineType.self)
    static let image = KindDescription(Image.self)
    static let vm = KindDescription(
        VirtualMachine.self,
        references: [
            ("machineType", MachineType.kind), ("image", Image.kind), ("networks.segment", Segment.kind),
            ("networks.attachment", Attachment.kind), ("networks.policies", Policy.kind),
        ])
}

extension KindCatalogue {
    /// The network's kinds, and behind them those of VMs, which refer to them: one file may hold a segment and a VM on it.
    static let compute = KindCatalogue(
        KindCatalogue.network.all + [.computeHost, .machineType, .image, .vm],
        passingLabels: [PortLabel.made])
}
