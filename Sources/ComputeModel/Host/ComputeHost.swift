package import Resources

/// The part of a host that runs VMs. A host without VMs has none.
package enum ComputeHost: ResourceKind {
    package static let kind = KindName("compute-host", plural: "compute-hosts", isInProject: false, service: "compute")
    package typealias Assigned = Nothing

    /// The labels that a VM's placement selects by are the resource's own.
    package struct Spec: Hashable, JSONCodable {
        /// KC's host that it is.
        package var host: Reference<NetworkHost>
        /// What is kept back for the host itself.
        package var reserved: Capacity
        package var overcommit: Overcommit
        package var taints: [Taint]
        /// No further VM is placed here.
        package var isCordoned: Bool
        /// The VMs that are here shall leave; it is cordoned too.
        package var isDraining: Bool

        package init(
            host: Reference<NetworkHost>, reserved: Capacity = Self.standardReserve,
            overcommit: Overcommit = Overcommit(), taints: [Taint] = [], isCordoned: Bool = false,
            isDraining: Bool = false
        ) {
            self.host = host
            self.reserved = reserved
            self.overcommit = overcommit
            self.taints = taints
            self.isCordoned = isCordoned
            self.isDraining = isDraining
        }

        package static let maximumTaints = 16
        /// One GiB and ten of disk: the kernel, the agents and their logs.
        package static let standardReserve = Capacity(cpus: 0, memoryMiB: 1024, diskGiB: 10)
    }
}

extension ComputeHost.Spec {
    package static let shape = Shape.object([
        .required("host", Reference<NetworkHost>.shape, "KC's host that it is"),
        .optional("reserved", Capacity.shape, "kept back for the host itself"),
        .optional("overcommit", Overcommit.shape, "how much may be promised"),
        .optional("taints", .array(Taint.shape, count: 0...maximumTaints, unique: true), "what keeps VMs away"),
        .optional("cordoned", .boolean, standard: .flag(false), "whether no further VM is placed here"),
        .optional("draining", .boolean, standard: .flag(false), "whether the VMs that are here shall leave"),
    ])

    /// The JSON Schema of a compute host's spec.
    package static func schema() -> [UInt8] { shape.schema(identifier: "urn:kc:compute-host", title: "Compute host") }

    package init(json node: JSONNode, path: String) throws(FieldError) {
        try Self.shape.check(node, path: path)
        var reader = try FieldReader(node, path: path)
        self.init(
            host: try reader.required("host"), reserved: try reader.optional("reserved") ?? Self.standardReserve,
            overcommit: try reader.optional("overcommit") ?? Overcommit(), taints: try reader.optional("taints") ?? [],
            isCordoned: try reader.optional("cordoned") ?? false, isDraining: try reader.optional("draining") ?? false)
        try reader.finish()
        guard Set(taints.map(\.key)).count == taints.count else {
            throw FieldError(field: reader.path(of: "taints"), rule: "must not repeat a key")
        }
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("host", host)
            writer.member("reserved", reserved)
            writer.member("overcommit", overcommit)
            if !taints.isEmpty { writer.member("taints", taints) }
            if isCordoned { writer.member("cordoned", true) }
            if isDraining { writer.member("draining", true) }
        }
    }
}
