package import Resources

/// What an operator offers machines of: fixed values, and ranges in which a VM chooses. The same for all projects.
package enum MachineType: ResourceKind {
    package static let kind = KindName("machine-type", plural: "machine-types", isInProject: false, service: "compute")
    package typealias Assigned = Nothing

    /// Whether a machine is made or is there.
    package enum Form: String, Choice {
        case vm
        /// A machine of metal: it has what it has, so nothing is left to choose.
        case hardware
    }

    package struct Spec: Hashable, JSONCodable {
        package var form: Form
        package var architecture: Architecture
        package var cpus: QuantityOption
        /// "host" (all that the host's CPU can do) or the names of libvirt's CPU models.
        package var cpuModel: WordOption
        package var memoryMiB: QuantityOption
        package var diskGiB: QuantityOption
        /// Words of `Firmware`; arm64 starts with UEFI alone.
        package var firmware: WordOption
        /// Devices that are not named here have their `standardDevices`.
        package var devices: [MachineDevice: DeviceOption]

        package init(
            form: Form = .vm, architecture: Architecture, cpus: QuantityOption,
            cpuModel: WordOption = WordOption("host"),
            memoryMiB: QuantityOption, diskGiB: QuantityOption,
            firmware: WordOption = WordOption(Firmware.uefi.rawValue),
            devices: [MachineDevice: DeviceOption] = [:]
        ) {
            self.form = form
            self.architecture = architecture
            self.cpus = cpus
            self.cpuModel = cpuModel
            self.memoryMiB = memoryMiB
            self.diskGiB = diskGiB
            self.firmware = firmware
            self.devices = devices
        }

        /// QEMU's q35 takes 4,096 at most since version 8.2; older ones 288 and 255, which the host says.
        package static let cpuCounts: ClosedRange<UInt64> = 1...4096
        /// 64 MiB, below which no current kernel boots, to 64 TiB.
        package static let memories: ClosedRange<UInt64> = 64...67_108_864
        /// 1 GiB to 64 TiB.
        package static let disks: ClosedRange<UInt64> = 1...65_536

        /// Every machine can be looked at, has randomness and can be asked to shut down, unless its type says otherwise.
        package static let standardDevice = DeviceOption(true)

        package func device(_ device: MachineDevice) -> DeviceOption { devices[device] ?? Self.standardDevice }
    }
}

extension MachineType.Spec {
    /// What a machine type must look like.
    package static let shape = Shape.object([
        .optional("form", MachineType.Form.shape, standard: .text("vm"), "whether a machine is made or is there"),
        .required("architecture", Architecture.shape, "the instruction set"),
        .required("cpus", QuantityOption.shape(cpuCounts), "virtual CPUs"),
        .optional("cpuModel", WordOption.shape(.text(cpuModelText)), standard: .text("host"), "what the CPU can do"),
        .required("memoryMiB", QuantityOption.shape(memories), "memory in MiB"),
        .required("diskGiB", QuantityOption.shape(disks), "the root disk in GiB"),
        .optional(
            "firmware", WordOption.shape(Firmware.shape), standard: .text("uefi"), "what the machine starts with"),
        .optional(
            "devices",
            .object(
                MachineDevice.allCases.map {
                    .optional($0.rawValue, DeviceOption.typeShape, standard: .flag(true), $0.about)
                }),
            "further devices"),
    ])

    private static let cpuModelText = TextShape(
        pattern: "^[A-Za-z0-9][A-Za-z0-9._-]*$", minimum: 1, maximum: 64,
        rule: "must be 1 to 64 letters, digits, '.', '_' and '-', beginning with a letter or digit"
    ) { text in
        func isWord(_ byte: UInt8) -> Bool {
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
        }
        guard let first = text.utf8.first, isWord(first) else { return false }
        return text.utf8.allSatisfy { isWord($0) || ".-_".utf8.contains($0) }
    }

    package init(json node: JSONNode, path: String) throws(FieldError) {
        try Self.shape.check(node, path: path)
        var reader = try FieldReader(node, path: path)
        self.init(
            form: try reader.optional("form") ?? .vm, architecture: try reader.required("architecture"),
            cpus: try reader.required("cpus"), cpuModel: try reader.optional("cpuModel") ?? WordOption("host"),
            memoryMiB: try reader.required("memoryMiB"), diskGiB: try reader.required("diskGiB"),
            firmware: try reader.optional("firmware") ?? WordOption(Firmware.uefi.rawValue))
        if let node = reader.node("devices"), node.typeName != "null" {
            var reader = try FieldReader(node, path: reader.path(of: "devices"))
            for device in MachineDevice.allCases { devices[device] = try reader.optional(device.rawValue) }
            try reader.finish()
        }
        try reader.finish()
        if architecture == .arm64, firmware != WordOption(Firmware.uefi.rawValue) {
            throw FieldError(
                field: reader.path(of: "firmware"), value: firmware.choices.joined(separator: ", "),
                rule: "must be uefi: arm64 has no other")
        }
        if form == .hardware, let option = parameterFields.first {
            throw FieldError(
                field: reader.path(of: option.name), rule: "must be one value: there is nothing to choose in hardware")
        }
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("form", form)
            writer.member("architecture", architecture)
            writer.member("cpus", cpus)
            writer.member("cpuModel", cpuModel)
            writer.member("memoryMiB", memoryMiB)
            writer.member("diskGiB", diskGiB)
            writer.member("firmware", firmware)
            guard !devices.isEmpty else { return }
            writer.name("devices")
            writer.object { writer in
                for device in MachineDevice.allCases { writer.member(device.rawValue, devices[device]) }
            }
        }
    }
}
