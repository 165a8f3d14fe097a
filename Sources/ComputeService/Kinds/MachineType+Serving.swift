import ComputeModel
package import Persistence
package import Resources

extension MachineType: ServedCompute {
    static let tag = ComputeKind.machineType

    static func admit(
        _ spec: Spec, over old: Resource<MachineType>?, _ plan: inout ComputePlan, _ state: inout ComputeState
    ) throws(Problem) -> (spec: Spec, assigned: Nothing) { (spec, Nothing()) }

    static func release(
        _ old: Resource<MachineType>, _ plan: inout ComputePlan, _ state: inout ComputeState
    ) throws(Problem) {
        try state.requireUnused(old.metadata, kind)
        plan.requireUnreferred(old.metadata.id, state)
    }
}

extension ComputeState {
    /// Refuses to delete what VMs use, with the names of some of them.
    func requireUnused(_ metadata: Metadata, _ kind: KindName) throws(Problem) {
        let names = users[metadata.id, default: []].compactMap { items[$0]?.name.text }.sorted()
        guard !names.isEmpty else { return }
        let some = names.prefix(3).joined(separator: ", ") + (names.count > 3 ? " and \(names.count - 3) more" : "")
        throw Problem(.inUse, "\(kind) '\(metadata.name)' is used by \(names.count) VMs: \(some)")
    }
}

extension ComputeService {
    /// The JSON Schema of what a VM of a type may choose.
    package func parametersSchema(
        ofMachineType item: String, for principal: Principal
    ) throws(Problem) -> [UInt8] {
        let found = try find(.machineType, item, for: principal)
        guard let type: Resource<MachineType> = found.unwrap() else {
            throw Problem(.internal, "a machine type is of another kind")
        }
        return type.spec.parametersSchema(of: type.metadata.name)
    }
}
