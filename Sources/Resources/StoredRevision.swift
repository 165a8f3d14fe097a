/// One revision of spec and metadata: who, when, what.
package struct StoredRevision: JSONCodable {
    package enum Action: String, Choice { case create, update, restore }

    package var generation: UInt64
    package var time: Timestamp
    package var who: String
    package var action: Action
    /// The stored form of the resource.
    package var resource: [UInt8]

    package init(generation: UInt64, time: Timestamp, who: String, action: Action, resource: [UInt8]) {
        self.generation = generation
        self.time = time
        self.who = who
        self.action = action
        self.resource = resource
    }

    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        generation = try reader.required("generation")
        time = try reader.required("time")
        who = try reader.required("who")
        action = try reader.required("action")
        guard let resource = reader.node("resource") else {
            throw FieldError(field: reader.path(of: "resource"), rule: "is required")
        }
        self.resource = Array(resource.raw)
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("generation", generation)
            writer.member("time", time)
            writer.member("who", who)
            writer.member("action", action)
            writer.name("resource")
            writer.raw(resource)
        }
    }
}
