import Resources

extension Shape {
    /// A whole document of JSON Schema 2020-12.
    ///
    /// - Parameters:
    ///   - identifier: the schema's `$id`, a URN.
    ///   - title: what the document is, for people.
    package func schema(identifier: String, title: String) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("$schema", "https://json-schema.org/draft/2020-12/schema")
            writer.member("$id", identifier)
            writer.member("title", title)
            writeMembers(to: &writer, isNullable: false)
        }
        return writer.bytes
    }

    /// - Parameter field: whose description and default are written too.
    private func write(to writer: inout JSONWriter, field: Field? = nil) {
        writer.object { writer in
            if let field {
                writer.member("description", field.about)
                writer.member("default", field.standard)
            }
            writeMembers(to: &writer, isNullable: field.map { !$0.isRequired } ?? false)
        }
    }

    private func writeMembers(to writer: inout JSONWriter, isNullable: Bool) {
        switch self {
        case .boolean: Self.type("boolean", isNullable, &writer)
        case .integer(let range, let step):
            Self.type("integer", isNullable, &writer)
            writer.member("minimum", range.lowerBound)
            writer.member("maximum", range.upperBound)
            if step > 1 { writer.member("multipleOf", step) }
        case .choice(let words):
            writer.name("enum")
            writer.array { writer in
                for word in words { writer.string(word) }
                if isNullable { writer.null() }
            }
        case .text(let shape):
            Self.type("string", isNullable, &writer)
            if shape.minimum > 0 { writer.member("minLength", 1) }
            writer.member("maxLength", shape.maximum)
            writer.member("pattern", shape.pattern)
        case .array(let element, let count, let unique):
            Self.type("array", isNullable, &writer)
            writer.name("items")
            element.write(to: &writer)
            if count.lowerBound > 0 { writer.member("minItems", count.lowerBound) }
            writer.member("maxItems", count.upperBound)
            if unique { writer.member("uniqueItems", true) }
        case .map(let key, let value, let maximum):
            Self.type("object", isNullable, &writer)
            writer.name("propertyNames")
            Shape.text(key).write(to: &writer)
            writer.name("additionalProperties")
            value.write(to: &writer)
            writer.member("maxProperties", maximum)
        case .object(let fields): Self.write(fields, isNullable, &writer)
        case .either(let shapes):
            writer.name("anyOf")
            writer.array { writer in
                for shape in shapes { shape.write(to: &writer) }
                if isNullable { writer.object { $0.member("type", "null") } }
            }
        }
    }

    private static func write(_ fields: [Field], _ isNullable: Bool, _ writer: inout JSONWriter) {
        type("object", isNullable, &writer)
        writer.name("properties")
        writer.object { writer in
            for field in fields {
                writer.name(field.name)
                field.shape.write(to: &writer, field: field)
            }
        }
        let required = fields.filter(\.isRequired).map(\.name)
        if !required.isEmpty { writer.member("required", required) }
        writer.member("additionalProperties", false)
    }

    private static func type(_ name: String, _ isNullable: Bool, _ writer: inout JSONWriter) {
        if isNullable { writer.member("type", [name, "null"]) } else { writer.member("type", name) }
    }
}
