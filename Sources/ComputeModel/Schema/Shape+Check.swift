package import Resources

extension Shape {
    /// - Throws: the first field that does not have this shape, with its value and the rule.
    package func check(_ node: JSONNode, path: String) throws(FieldError) {
        switch self {
        case .boolean: _ = try Bool(json: node, path: path)
        case .integer(let range, let step): try Self.check(node, path, range, step)
        case .choice(let words):
            guard let text = node.string, words.contains(text) else {
                throw FieldError(
                    field: path, value: node.string ?? node.excerpt,
                    rule: "must be \(words.count == 1 ? "" : "one of ")\(words.joined(separator: ", "))")
            }
        case .text(let shape): try shape.check(String(json: node, path: path), path: path)
        case .array(let element, let count, let unique): try Self.check(node, path, element, count, unique)
        case .map(let key, let value, let maximum):
            let members = try Self.members(node, path)
            guard members.count <= maximum else {
                throw FieldError(field: path, value: "\(members.count) members", rule: "must be at most \(maximum)")
            }
            for (name, member) in members {
                try key.check(name, path: path)
                try value.check(member, path: "\(path).\(name)")
            }
        case .object(let fields): try Self.check(node, path, fields)
        case .either(let shapes):
            guard let shape = shapes.first(where: { $0.typeName == node.typeName }) else {
                let types = shapes.map(\.typeName).joined(separator: " or ")
                throw FieldError(field: path, value: node.excerpt, rule: "must be \(types), not \(node.typeName)")
            }
            try shape.check(node, path: path)
        }
    }

    /// As `JSONNode.typeName`.
    private var typeName: String {
        switch self {
        case .boolean: "a boolean"
        case .integer: "a number"
        case .choice, .text: "a string"
        case .array: "an array"
        case .map, .object: "an object"
        case .either: "one of several"
        }
    }

    private static func check(_ node: JSONNode, _ path: String, _ range: ClosedRange<UInt64>, _ step: UInt64)
        throws(FieldError)
    {
        guard case .number(let text) = node.content, let value = UInt64(text), range.contains(value),
            value.isMultiple(of: step)
        else {
            let steps = step == 1 ? "" : " in steps of \(step)"
            let rule =
                range.lowerBound == range.upperBound
                ? "must be \(range.lowerBound)" : "must be from \(range.lowerBound) to \(range.upperBound)\(steps)"
            throw FieldError(field: path, value: node.excerpt, rule: rule)
        }
    }

    private static func check(
        _ node: JSONNode, _ path: String, _ element: Shape, _ count: ClosedRange<Int>, _ unique: Bool
    ) throws(FieldError) {
        guard case .array(let nodes) = node.content else {
            throw FieldError(field: path, value: node.excerpt, rule: "must be an array, not \(node.typeName)")
        }
        // Before any element is read: a document of a million costs one look.
        guard count.contains(nodes.count) else {
            let least = count.lowerBound == 0 ? "at most" : "\(count.lowerBound) to"
            throw FieldError(
                field: path, value: "\(nodes.count) elements", rule: "must be \(least) \(count.upperBound)")
        }
        for (index, node) in nodes.enumerated() { try element.check(node, path: "\(path)[\(index)]") }
        guard !unique || Set(nodes.map { Array($0.raw) }).count == nodes.count else {
            throw FieldError(field: path, rule: "must not repeat an element")
        }
    }

    private static func check(_ node: JSONNode, _ path: String, _ fields: [Field]) throws(FieldError) {
        let members = try members(node, path)
        for (name, member) in members {
            guard let field = fields.first(where: { $0.name == name }) else {
                let names =
                    fields.isEmpty
                    ? "there are none" : "the fields are " + fields.map(\.name).sorted().joined(separator: ", ")
                throw FieldError(field: join(path, String(name.prefix(64))), rule: "is not a field here; \(names)")
            }
            if !field.isRequired, case .null = member.content { continue }
            try field.shape.check(member, path: join(path, name))
        }
        for field in fields where field.isRequired && !members.contains(where: { $0.name == field.name }) {
            throw FieldError(field: join(path, field.name), rule: "is required")
        }
    }

    private static func members(_ node: JSONNode, _ path: String) throws(FieldError)
        -> [(name: String, value: JSONNode)]
    {
        guard case .object(let members) = node.content else {
            throw FieldError(
                field: path.isEmpty ? "(document)" : path, value: node.excerpt,
                rule: "must be an object, not \(node.typeName)")
        }
        return members
    }

    private static func join(_ path: String, _ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }
}

extension TextShape {
    func check(_ text: String, path: String) throws(FieldError) {
        guard (minimum...maximum).contains(text.utf8.count) else {
            // The value itself would be of no use, and it may be large.
            throw FieldError(field: path, value: "\(text.utf8.count) bytes", rule: rule)
        }
        guard isValid(text) else { throw FieldError(field: path, value: text, rule: rule) }
    }
}
