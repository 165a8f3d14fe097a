package import Resources

/// What a managed gateway offers its guests by TCP: it listens on each of its segments at `fe80::1` and hands every
/// connection on to a consumer, with PROXY v2 and the id of the attachment that it comes from.
///
/// The id is known from the source address, which the guards of the port have held against the segment's bindings; it is
/// never taken from what a guest says.
package enum GuestService: ResourceKind {
    package static let kind = KindName("service", plural: "services", isInProject: true)
    package typealias Assigned = Nothing

    package struct Spec: Hashable, JSONCodable {
        package var gateway: Reference<Gateway>
        /// One of a gateway's services has it; none of the gateway's own, 53 and 547.
        package var port: UInt16
        package var consumer: ServiceConsumer
        /// How many connections one attachment may have at a time, 1 to 1,000.
        package var connections: Int

        package init(
            gateway: Reference<Gateway>, port: UInt16, consumer: ServiceConsumer,
            connections: Int = Self.standardConnections
        ) {
            self.gateway = gateway
            self.port = port
            self.consumer = consumer
            self.connections = connections
        }

        package static let standardConnections = 16
        package static let connectionRange = 1...1000
    }
}

extension GuestService.Spec {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        let port = try reader.required("port", as: Int.self)
        guard (1...65535).contains(port), port != 53, port != 547 else {
            throw FieldError(
                field: reader.path(of: "port"), value: "\(port)",
                rule: "must be from 1 to 65535 and not 53 or 547, which are the gateway's own")
        }
        let connections = try reader.optional("connections") ?? Self.standardConnections
        guard Self.connectionRange.contains(connections) else {
            throw FieldError(
                field: reader.path(of: "connections"), value: "\(connections)", rule: "must be from 1 to 1000")
        }
        self.init(
            gateway: try reader.required("gateway"), port: UInt16(port), consumer: try reader.required("consumer"),
            connections: connections)
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("gateway", gateway)
            writer.member("port", Int(port))
            writer.member("consumer", consumer)
            writer.member("connections", connections)
        }
    }
}
