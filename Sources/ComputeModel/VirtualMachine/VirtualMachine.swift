package import Resources

/// A machine with an image on its disk and attachments for NICs.
package enum VirtualMachine: ResourceKind {
    package static let kind = KindName("vm", plural: "vms", isInProject: true, service: "compute")

    package enum Power: String, Choice {
        case on, off
    }

    package struct Spec: Hashable, JSONCodable {
        package var machineType: Reference<MachineType>
        /// Of the machine type's parameters those that differ from its defaults.
        package var parameters: [String: Scalar]
        package var image: Reference<Image>
        /// In the order in which the guest sees its NICs.
        package var networks: [NetworkInterface]
        /// Who may log in, by what the guest is told.
        package var sshKeys: [SSHPublicKey]
        /// For cloud-init, as it is; KC does not look inside. Readable by whoever may see the VM: nothing secret.
        package var userData: String
        package var power: Power
        package var placement: PlacementWish

        package init(
            machineType: Reference<MachineType>, parameters: [String: Scalar] = [:],
            image: Reference<Image>, networks: [NetworkInterface] = [], sshKeys: [SSHPublicKey] = [],
            userData: String = "", power: Power = .on, placement: PlacementWish = PlacementWish()
        ) {
            self.machineType = machineType
            self.parameters = parameters
            self.image = image
            self.networks = networks
            self.sshKeys = sshKeys
            self.userData = userData
            self.power = power
            self.placement = placement
        }

        /// Each is a port on a bridge, a tap device and a PCI device; q35 has 32 slots on its root bus, of which other
        /// devices need some.
        package static let maximumNetworks = 16
        package static let maximumSSHKeys = 32
        package static let maximumParameters = 32
        /// In bytes. What the metadata services of others take too (65,535 in OpenStack, 16,384 in EC2), and what may
        /// be kept in the store with every revision of a VM and read again at each boot. Larger things are fetched by
        /// what stands in the user data.
        package static let maximumUserData = 65_536
    }

    /// What KC decided: kept with the VM. Where it is placed is kept apart from it, and moves no revision of it.
    package struct Assigned: Hashable, JSONCodable {
        /// The machine type and the parameters as they were when the VM was created or resized.
        package var machine: Machine
        /// One for each of the spec's networks, by which its port is known: a network that stays keeps its number, and none
        /// is given a second time, so that a new NIC is never taken for one that is on its way out.
        package var interfaces: [UInt64]
        /// The number of the next one.
        package var nextInterface: UInt64
        /// How many reboots were asked for since it was made.
        package var reboots: UInt64

        package init(
            machine: Machine, interfaces: [UInt64] = [], nextInterface: UInt64 = 0, reboots: UInt64 = 0
        ) {
            self.machine = machine
            self.interfaces = interfaces
            self.nextInterface = nextInterface
            self.reboots = reboots
        }
    }
}

extension VirtualMachine.Spec {
    /// What a VM's spec must look like; what its parameters must be, its machine type says.
    package static let shape = Shape.object([
        .required("machineType", Reference<MachineType>.shape, "what the machine is made of"),
        .optional(
            "parameters",
            .map(
                TextShape(
                    pattern: "^[A-Za-z]+$", minimum: 1, maximum: 32, rule: "must have names of 1 to 32 letters"
                ) { $0.utf8.allSatisfy { (65...90).contains($0) || (97...122).contains($0) } },
                .either([
                    .boolean, .integer(0...9_007_199_254_740_991, step: 1),
                    .text(TextShape(maximum: 64, rule: "must be at most 64 bytes")),
                ]), maximum: maximumParameters), "choices within the machine type"),
        .required("image", Reference<Image>.shape, "what its disk begins with"),
        .optional("networks", .array(NetworkInterface.shape, count: 0...maximumNetworks, unique: false), "its NICs"),
        .optional("sshKeys", .array(SSHPublicKey.shape, count: 0...maximumSSHKeys, unique: true), "who may log in"),
        .optional(
            "userData",
            .text(
                TextShape(
                    maximum: maximumUserData,
                    rule: "must be at most \(maximumUserData) bytes: it is kept with every revision of the VM")),
            standard: .text(""), "for cloud-init; nothing secret"),
        .optional("power", VirtualMachine.Power.shape, standard: .text("on"), "whether it shall run"),
        .optional("placement", PlacementWish.shape, "where it may run"),
    ])

    /// The JSON Schema of a VM's spec.
    package static func schema() -> [UInt8] { shape.schema(identifier: "urn:kc:vm", title: "VM") }

    package init(json node: JSONNode, path: String) throws(FieldError) {
        try Self.shape.check(node, path: path)
        var reader = try FieldReader(node, path: path)
        self.init(
            machineType: try reader.required("machineType"), parameters: try reader.optional("parameters") ?? [:],
            image: try reader.required("image"), networks: try reader.optional("networks") ?? [],
            sshKeys: try reader.optional("sshKeys") ?? [], userData: try reader.optional("userData") ?? "",
            power: try reader.optional("power") ?? .on,
            placement: try reader.optional("placement") ?? PlacementWish())
        try reader.finish()
        var given: Set<Reference<NetworkAttachment>> = []
        for (index, network) in networks.enumerated() {
            guard case .attachment(let attachment) = network else { continue }
            guard given.insert(attachment).inserted else {
                throw FieldError(
                    field: "\(path).networks[\(index)].attachment", value: attachment.description,
                    rule: "must not be given twice: an attachment is one port")
            }
        }
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("machineType", machineType)
            if !parameters.isEmpty { writer.member("parameters", parameters) }
            writer.member("image", image)
            writer.member("networks", networks)
            if !sshKeys.isEmpty { writer.member("sshKeys", sshKeys) }
            if !userData.isEmpty { writer.member("userData", userData) }
            writer.member("power", power)
            if placement != PlacementWish() { writer.member("placement", placement) }
        }
    }
}

extension VirtualMachine.Assigned {
    /// The number of each of a spec's networks. Those of a VM that was made before numbers were kept are its places.
    package func numbers(of networks: [NetworkInterface]) -> [UInt64] {
        interfaces.count == networks.count ? interfaces : networks.indices.map { UInt64($0) }
    }

    /// Numbers other networks: what was there before keeps its number, wherever it stands now.
    package mutating func renumber(_ old: [NetworkInterface], to new: [NetworkInterface]) {
        var left = Array(zip(old, numbers(of: old)))
        var next = max(nextInterface, left.map { $0.1 + 1 }.max() ?? 0)
        interfaces = new.map { network in
            if let place = left.firstIndex(where: { $0.0 == network }) { return left.remove(at: place).1 }
            defer { next += 1 }
            return next
        }
        nextInterface = next
    }

    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        // Of versions that noted them here, and had none.
        let _: [ResourceID]? = try reader.optional("attachments")
        self.init(
            machine: try reader.required("machine"), interfaces: try reader.optional("interfaces") ?? [],
            nextInterface: try reader.optional("nextInterface") ?? 0, reboots: try reader.optional("reboots") ?? 0)
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("machine", machine)
            if !interfaces.isEmpty { writer.member("interfaces", interfaces) }
            if nextInterface > 0 { writer.member("nextInterface", nextInterface) }
            if reboots > 0 { writer.member("reboots", reboots) }
        }
    }
}
