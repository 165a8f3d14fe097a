import ComputeModel
import Persistence
import Placement
import Resources

extension VirtualMachine: ServedCompute {
    static let tag = ComputeKind.vm

    static func resolve(
        _ spec: Spec, over old: Spec?, _ directory: any NetworkDirectory, _ project: ProjectIdentity?
    ) async throws(Problem) -> Spec {
        guard spec.networks != old?.networks, let project else { return spec }
        var spec = spec
        for (index, network) in spec.networks.enumerated() {
            let field = "spec.networks[\(index)]"
            switch network {
            case .attachment(let reference):
                do {
                    spec.networks[index] = .attachment(.id(try await directory.attachment(reference, of: project)))
                } catch { throw error.about("\(field).attachment") }
            case .segment(let reference, let policies):
                let segment: ResourceID
                do { segment = try await directory.segment(reference, of: project) } catch {
                    throw error.about("\(field).segment")
                }
                var resolved: [Reference<NetworkPolicy>] = []
                for (place, policy) in policies.enumerated() {
                    do { resolved.append(try await directory.policy(policy, of: project)) } catch {
                        throw error.about("\(field).policies[\(place)]")
                    }
                }
                spec.networks[index] = .segment(.id(segment), policies: resolved)
            }
        }
        return spec
    }

    static func admit(
        _ spec: Spec, over old: Resource<VirtualMachine>?, _ plan: inout ComputePlan, _ state: inout ComputeState
    ) throws(Problem) -> (spec: Spec, assigned: Assigned) {
        var spec = spec
        let type = try state.machineType(spec.machineType)
        let image = try state.image(spec.image, for: plan)
        spec.machineType = .id(type.id)
        spec.image = .id(image.id)
        if let old {
            try requireSame(spec, old.spec)
        }
        if let old, spec.machineType == old.spec.machineType, spec.parameters == old.spec.parameters {
            var assigned = old.assigned
            if spec.networks != old.spec.networks {
                assigned.renumber(old.spec.networks, to: spec.networks)
                try reconnect(old, spec, &plan, &state)
            }
            return (spec, assigned)
        }
        let machine = try machine(spec, type, image)
        if old?.spec.machineType != spec.machineType { plan.refer(to: type) }
        guard let old else {
            plan.refer(to: image)
            var assigned = Assigned(machine: machine)
            assigned.renumber([], to: spec.networks)
            return (spec, assigned)
        }
        var assigned = old.assigned
        if spec.networks != old.spec.networks {
            assigned.renumber(old.spec.networks, to: spec.networks)
            try reconnect(old, spec, &plan, &state)
        }
        assigned.machine = machine
        if machine != old.assigned.machine { try resize(old, to: machine, spec, &plan, &state) }
        return (spec, assigned)
    }

    private static func machine(_ spec: Spec, _ type: ComputeItem, _ image: ComputeItem) throws(Problem) -> Machine {
        guard let type: Resource<MachineType> = type.unwrap(), let image: Resource<Image> = image.unwrap() else {
            throw Problem(.internal, "a machine type or an image is of another kind")
        }
        guard type.spec.form == .vm else {
            throw Problem(
                field: "spec.machineType", value: type.metadata.name.text,
                rule: "must be a type of VMs: this one describes hardware")
        }
        do throws(FieldError) {
            let machine = try type.spec.machine(spec.parameters)
            if let refusal = image.spec.refusal(of: machine) { throw refusal }
            return machine
        } catch { throw Problem(error) }
    }

    private static func requireSame(_ new: Spec, _ old: Spec) throws(Problem) {
        guard new.image == old.image else {
            throw Problem(field: "spec.image", value: "\(new.image)", rule: "must stay \(old.image): the disk is made")
        }
    }

    static func inserted(
        _ vm: Resource<VirtualMachine>, _ plan: inout ComputePlan, _ state: inout ComputeState
    ) throws(Problem) {
        plan.seat(ComputeState.request(vm, project: plan.project?.id), item: nil, &state)
    }

    static func release(
        _ old: Resource<VirtualMachine>, _ plan: inout ComputePlan, _ state: inout ComputeState
    ) throws(Problem) {
        let id = old.metadata.id
        try state.requireStill(id, old.metadata.name, "deleted")
        if let place = state.places[id] {
            plan.vacate(
                PlacementReservation(releasing: id, from: place.value.host, placeSeen: place.revision))
            plan.put(
                ComputeLayout.removal(id), VirtualMachinePlace(host: place.value.host, since: plan.now).json)
        } else {
            plan.require(.absent(ComputeLayout.place(id)))
        }
        if state.obstacles[id] != nil { plan.delete(ComputeLayout.obstacle(id)) }
        // Also one that was written since this was looked at.
        plan.delete(ComputeLayout.unported(id))
        if state.consoles[id] != nil { plan.delete(ComputeLayout.console(id)) }
    }

    static func writeStatus(
        _ vm: Resource<VirtualMachine>, _ item: ComputeItem, _ view: ComputeView, to writer: inout JSONWriter
    ) {
        let status = item.status
        let isLost = status.hostLoss != nil
        writer.member("state", isLost ? .lost : status.vm?.state ?? .waiting)
        if let place = status.place {
            if view == .full { writer.member("host", status.hostName?.text ?? place.host.description) }
            writer.member("placed", place.since)
            if isLost, view == .full {
                writer.member("message", status.hostLoss.map { "its host is lost: \($0.reason)" })
            }
        } else {
            writer.member("message", "it has no place: \(status.obstacle?.reason ?? "nobody has looked for one yet")")
        }
        writer.member("machine", vm.assigned.machine)
        if let report = status.vm {
            writer.member("generation", report.generation)
            writer.member("since", report.since)
        }
        let conditions = conditions(status)
        if !conditions.isEmpty || status.vm != nil { writer.member("conditions", conditions) }
    }

    /// What its host says, under what the network says of its ports.
    private static func conditions(_ status: ComputeItem.Status) -> [Condition] {
        let said = status.vm?.conditions ?? []
        guard status.place != nil, let missing = status.unported else { return said }
        let wired = Condition(.attachmentsWired, holds: false, since: missing.since, message: missing.reason)
        return Condition.Kind.allCases.compactMap { kind in
            kind == .attachmentsWired ? wired : said.first { $0.kind == kind }
        }
    }
}
