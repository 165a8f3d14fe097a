package import Resources

/// What one machine is made of, with nothing left to choose: a machine type and the parameters of a VM together. It is
/// kept with the VM, so that a machine type that is changed later changes no machine that exists.
package struct Machine: Hashable, JSONCodable {
    package var architecture: Architecture
    package var firmware: Firmware
    package var cpus: UInt64
    /// "host" or the name of a CPU model.
    package var cpuModel: String
    package var memoryMiB: UInt64
    package var diskGiB: UInt64
    /// In the order of `MachineDevice.allCases`.
    package var devices: [MachineDevice]

    package init(
        architecture: Architecture, firmware: Firmware, cpus: UInt64, cpuModel: String, memoryMiB: UInt64,
        diskGiB: UInt64, devices: [MachineDevice]
    ) {
        self.architecture = architecture
        self.firmware = firmware
        self.cpus = cpus
        self.cpuModel = cpuModel
        self.memoryMiB = memoryMiB
        self.diskGiB = diskGiB
        self.devices = devices
    }

    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            architecture: try reader.required("architecture"), firmware: try reader.required("firmware"),
            cpus: try reader.required("cpus"), cpuModel: try reader.required("cpuModel"),
            memoryMiB: try reader.required("memoryMiB"), diskGiB: try reader.required("diskGiB"),
            devices: try reader.required("devices"))
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("architecture", architecture)
            writer.member("firmware", firmware)
            writer.member("cpus", cpus)
            writer.member("cpuModel", cpuModel)
            writer.member("memoryMiB", memoryMiB)
            writer.member("diskGiB", diskGiB)
            writer.member("devices", devices)
        }
    }
}

/// A device beyond CPUs, memory, the disk and NICs, which every machine has or is given.
package enum MachineDevice: String, Choice {
    /// A serial console, for people.
    case serialConsole
    /// A source of randomness (virtio-rng): without it a young guest waits for its keys.
    case randomness
    /// A channel for the QEMU guest agent.
    case guestAgent

    var about: String {
        switch self {
        case .serialConsole: "a serial console"
        case .randomness: "a source of randomness"
        case .guestAgent: "a channel for the guest agent"
        }
    }
}
