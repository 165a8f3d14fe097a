package import Resources

extension MachineType.Spec {
    /// What a VM of this type may choose: the shape of its `parameters`.
    package var parametersShape: Shape { .object(parameterFields) }

    var parameterFields: [Shape.Field] {
        var fields: [Shape.Field] = []
        func add(_ name: String, _ option: QuantityOption, _ about: String) {
            guard !option.isFixed else { return }
            fields.append(.optional(name, option.shape, standard: .number(option.standard), about))
        }
        func add(_ name: String, _ option: WordOption, _ about: String) {
            guard !option.isFixed else { return }
            fields.append(.optional(name, option.shape, standard: .text(option.standard), about))
        }
        add("cpus", cpus, "virtual CPUs")
        add("cpuModel", cpuModel, "what the CPU can do")
        add("memoryMiB", memoryMiB, "memory in MiB")
        add("diskGiB", diskGiB, "the root disk in GiB")
        add("firmware", firmware, "what the machine starts with")
        for device in MachineDevice.allCases where self.device(device).isChosenByVM {
            fields.append(
                .optional(
                    device.rawValue, .boolean, standard: .flag(self.device(device).standard), device.about))
        }
        return fields
    }

    /// The JSON Schema of the `parameters` of a VM of this type.
    ///
    /// - Parameter name: the type's, for the schema's `$id`.
    package func parametersSchema(of name: Name) -> [UInt8] {
        parametersShape.schema(
            identifier: "urn:kc:machine-type:\(name):parameters", title: "Parameters of a VM of type \(name)")
    }

    /// The JSON Schema of a machine type itself.
    package static func schema() -> [UInt8] {
        shape.schema(identifier: "urn:kc:machine-type", title: "Machine type")
    }

    /// The machine that a VM with these parameters is.
    ///
    /// - Parameter path: of the parameters, for the error's `field`.
    /// - Throws: the first parameter that this type does not have, or whose value it does not allow.
    package func machine(_ parameters: [String: Scalar], path: String = "spec.parameters") throws(FieldError) -> Machine
    {
        let members = parameters.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value.node) }
        try parametersShape.check(JSONNode(content: .object(members), raw: parameters.json[...]), path: path)
        func number(_ name: String, _ option: QuantityOption) -> UInt64 {
            if case .number(let value) = parameters[name] { value } else { option.standard }
        }
        func word(_ name: String, _ option: WordOption) -> String {
            if case .text(let value) = parameters[name] { value } else { option.standard }
        }
        let devices = MachineDevice.allCases.filter { device in
            if case .flag(let value) = parameters[device.rawValue] { value } else { self.device(device).standard }
        }
        return Machine(
            architecture: architecture, firmware: Firmware(rawValue: word("firmware", firmware)) ?? .uefi,
            cpus: number("cpus", cpus), cpuModel: word("cpuModel", cpuModel),
            memoryMiB: number("memoryMiB", memoryMiB), diskGiB: number("diskGiB", diskGiB), devices: devices)
    }
}
