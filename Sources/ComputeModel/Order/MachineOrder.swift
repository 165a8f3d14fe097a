package import Resources

/// What a compute host is told of one VM: all that its agent needs to make it, and nothing that it must ask for again.
///
/// It is the whole truth about the VM each time. The size of the disk is the machine's.
package struct MachineOrder: Hashable, JSONCodable {
    package var id: ResourceID
    /// For people who look at the host.
    package var project: Name
    package var name: Name
    /// The generation of the VM that this is; reports speak of it.
    package var generation: UInt64
    /// The revision of the VM's place: it grows whenever the VM is placed. A disk is made under one, and a VM is never
    /// started from a disk of another: such a one is a copy from former times, or the order is.
    package var fence: UInt64
    package var machine: Machine
    package var image: ImageOrder
    /// In the order in which the guest sees them.
    package var interfaces: [InterfaceOrder]
    package var guest: GuestOrder
    package var power: VirtualMachine.Power
    /// How long a guest has to end by itself once it is told to, in seconds; then its power is taken.
    package var graceSeconds: UInt64
    /// Counts the reboots that were asked for. A guest is rebooted when it grows; one that does not run takes it as done.
    package var reboots: UInt64

    package static let grace: ClosedRange<UInt64> = 0...3600
    package static let standardGrace: UInt64 = 60

    package init(
        id: ResourceID, project: Name, name: Name, generation: UInt64, fence: UInt64, machine: Machine,
        image: ImageOrder, interfaces: [InterfaceOrder], guest: GuestOrder, power: VirtualMachine.Power,
        graceSeconds: UInt64 = standardGrace, reboots: UInt64 = 0
    ) {
        self.id = id
        self.project = project
        self.name = name
        self.generation = generation
        self.fence = fence
        self.machine = machine
        self.image = image
        self.interfaces = interfaces
        self.guest = guest
        self.power = power
        self.graceSeconds = graceSeconds
        self.reboots = reboots
    }

    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            id: try reader.required("id"), project: try reader.required("project"), name: try reader.required("name"),
            generation: try reader.required("generation"), fence: try reader.required("fence"),
            machine: try reader.required("machine"), image: try reader.required("image"),
            interfaces: try reader.optional("interfaces") ?? [], guest: try reader.required("guest"),
            power: try reader.required("power"),
            graceSeconds: try reader.optional("graceSeconds") ?? Self.standardGrace,
            reboots: try reader.optional("reboots") ?? 0)
        try reader.finish()
        guard interfaces.count <= VirtualMachine.Spec.maximumNetworks else {
            throw FieldError(
                field: reader.path(of: "interfaces"), value: "\(interfaces.count)",
                rule: "must be at most \(VirtualMachine.Spec.maximumNetworks)")
        }
        guard Set(interfaces.map(\.attachment)).count == interfaces.count else {
            throw FieldError(
                field: reader.path(of: "interfaces"), rule: "must not name an attachment twice: it is one port")
        }
        guard Self.grace.contains(graceSeconds) else {
            throw FieldError(
                field: reader.path(of: "graceSeconds"), value: "\(graceSeconds)",
                rule: "must be at most \(Self.grace.upperBound)")
        }
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("id", id)
            writer.member("project", project)
            writer.member("name", name)
            writer.member("generation", generation)
            writer.member("fence", fence)
            writer.member("machine", machine)
            writer.member("image", image)
            writer.member("interfaces", interfaces)
            writer.member("guest", guest)
            writer.member("power", power)
            if graceSeconds != Self.standardGrace { writer.member("graceSeconds", graceSeconds) }
            if reboots > 0 { writer.member("reboots", reboots) }
        }
    }
}

/// What a VM's disk begins with, and how its host knows that it has the right bytes.
package struct ImageOrder: Hashable, JSONCodable {
    package var id: ResourceID
    package var format: Image.Format
    /// Of the file, in bytes.
    package var size: UInt64
    package var sha256: SHA256Digest

    package init(id: ResourceID, format: Image.Format, size: UInt64, sha256: SHA256Digest) {
        self.id = id
        self.format = format
        self.size = size
        self.sha256 = sha256
    }

    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            id: try reader.required("id"), format: try reader.required("format"), size: try reader.required("size"),
            sha256: try reader.required("sha256"))
        try reader.finish()
        guard Image.Spec.sizes.contains(size) else {
            throw FieldError(
                field: reader.path(of: "size"), value: "\(size)",
                rule: "must be from \(Image.Spec.sizes.lowerBound) to \(Image.Spec.sizes.upperBound)")
        }
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("id", id)
            writer.member("format", format)
            writer.member("size", size)
            writer.member("sha256", sha256)
        }
    }
}
