package import Resources

extension JSONNode {
    /// The node with its compact text, members in the given order.
    package init(_ content: Content) {
        var writer = JSONWriter()
        switch content {
        case .null: writer.null()
        case .bool(let value): writer.bool(value)
        case .number(let text): writer.raw(text.utf8)
        case .string(let text): writer.string(text)
        case .array(let nodes): writer.array { writer in for node in nodes { writer.raw(node.raw) } }
        case .object(let members):
            writer.object { writer in
                for (name, value) in members {
                    writer.name(name)
                    writer.raw(value.raw)
                }
            }
        }
        self.init(content: content, raw: writer.bytes[...])
    }

    /// An object without members.
    package static let nothing = object([])

    package static func string(_ text: String) -> JSONNode { JSONNode(.string(text)) }
    package static func object(_ members: [(name: String, value: JSONNode)]) -> JSONNode { JSONNode(.object(members)) }

    /// The members of an object; none for anything else.
    package var members: [(name: String, value: JSONNode)] {
        if case .object(let members) = content { members } else { [] }
    }

    /// The elements of an array; none for anything else.
    package var elements: [JSONNode] { if case .array(let nodes) = content { nodes } else { [] } }

    /// The object with this member set, at its place or at the end; nil removes it. Anything else than an object is
    /// taken for an empty one.
    package func setting(_ name: String, to value: JSONNode?) -> JSONNode {
        var members = members
        let index = members.firstIndex { $0.name == name }
        switch (index, value) {
        case (let index?, let value?): members[index].value = value
        case (let index?, nil): members.remove(at: index)
        case (nil, let value?): members.append((name, value))
        case (nil, nil): break
        }
        return .object(members)
    }

    /// Whether both say the same: white space and the order of members do not count; a number counts as its text, so
    /// that `1.0` and `1.00` differ.
    package func means(_ other: JSONNode) -> Bool {
        switch (content, other.content) {
        case (.null, .null): return true
        case (.bool(let left), .bool(let right)): return left == right
        case (.number(let left), .number(let right)): return left == right
        case (.string(let left), .string(let right)): return left == right
        case (.array(let left), .array(let right)):
            return left.count == right.count && zip(left, right).allSatisfy { $0.means($1) }
        case (.object(let left), .object(let right)):
            return left.count == right.count
                && left.allSatisfy { member in other[member.name].map(member.value.means) ?? false }
        default: return false
        }
    }

    /// One line for people: strings without quotes, everything else as JSON.
    package var displayText: String { string ?? String(decoding: raw, as: UTF8.self) }
}
