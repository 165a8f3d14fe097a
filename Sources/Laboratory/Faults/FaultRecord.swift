package import Resources

/// A fault that is in a laboratory now.
package struct FaultRecord: Hashable, JSONCodable {
    package var name: String
    /// The attachment it was brought about at.
    package var attachment: Name
    package var host: Name
    var heal: [FaultStep]

    init(name: String, attachment: Name, host: Name, heal: [FaultStep]) {
        self.name = name
        self.attachment = attachment
        self.host = host
        self.heal = heal
    }

    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            name: try reader.required("name"), attachment: try reader.required("attachment"),
            host: try reader.required("host"), heal: try reader.required("heal"))
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("name", name)
            writer.member("attachment", attachment)
            writer.member("host", host)
            writer.member("heal", heal)
        }
    }
}
