package import Resources

/// A service that a gateway is to offer its guests.
package struct DesiredService: Hashable, Sendable {
    package var id: ResourceID
    package var generation: UInt64
    package var port: UInt16
    package var consumer: ServiceConsumer
    package var connections: Int

    package init(
        id: ResourceID, generation: UInt64, port: UInt16, consumer: ServiceConsumer, connections: Int
    ) {
        self.id = id
        self.generation = generation
        self.port = port
        self.consumer = consumer
        self.connections = connections
    }
}

extension DesiredService: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        let port = try reader.required("port", as: Int.self)
        guard let port = UInt16(exactly: port) else {
            throw FieldError(field: reader.path(of: "port"), value: "\(port)", rule: "must be a port")
        }
        self.init(
            id: try reader.required("id"), generation: try reader.required("generation"), port: port,
            consumer: try reader.required("consumer"), connections: try reader.required("connections"))
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("id", id)
            writer.member("generation", generation)
            writer.member("port", Int(port))
            writer.member("consumer", consumer)
            writer.member("connections", connections)
        }
    }
}
