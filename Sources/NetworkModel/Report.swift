package import Addressing
package import Resources

/// What one host says about one resource. Kept apart from the resource, without history; it never moves an ETag.
package struct Report: Hashable, JSONCodable {
    package enum Phase: String, Choice {
        /// Seen, and not yet as it shall be; `message` says what it waits for.
        case pending
        /// An attachment whose port forwards; a segment, gateway or host as it shall be.
        case wired
        /// The host cannot carry it at all (MTU, multicast); `message` says why and what mends it.
        case unfit
        /// A step failed; the agent tries again. `message` has the kernel's own words.
        case failed
    }

    package var phase: Phase
    /// The generation of the resource that this speaks of.
    package var generation: UInt64
    package var message: String?
    /// The interface that realises an attachment on the host.
    package var interface: InterfaceName?
    /// Addresses seen on the port. Only agents of the first format say them here; later ones publish what was learned.
    package var learned: [IPv6Address]
    /// Further facts by name, for people: "radvd": "running", "routerLifetime": "0".
    package var details: [String: String]

    package init(
        phase: Phase, generation: UInt64, message: String? = nil, interface: InterfaceName? = nil,
        learned: [IPv6Address] = [], details: [String: String] = [:]
    ) {
        self.phase = phase
        self.generation = generation
        self.message = message
        self.interface = interface
        self.learned = learned
        self.details = details
    }

    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            phase: try reader.required("phase"), generation: try reader.required("generation"),
            message: try reader.optional("message"), interface: try reader.optional("interface"),
            learned: try reader.optional("learned") ?? [], details: try reader.optional("details") ?? [:])
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("phase", phase)
            writer.member("generation", generation)
            writer.member("message", message)
            writer.member("interface", interface)
            writer.member("learned", learned)
            writer.member("details", details)
        }
    }
}
