import Resources

/// A JSON schema (2020-12) put together as Swift reads it, where `Schema` is its text.
struct Shape: Sendable {
    /// Keywords with their JSON, in order.
    private var keywords: [(name: String, json: String)]
    /// The components of the document that it refers to, itself among them where it is one.
    private(set) var components: [(name: String, json: String)]

    var json: String { "{" + keywords.map { "\(Self.quoted($0.name)):\($0.json)" }.joined(separator: ",") + "}" }

    private init(_ keywords: [(name: String, json: String)], _ parts: [Shape] = []) {
        self.keywords = keywords
        components = parts.flatMap(\.components)
    }

    private static func quoted(_ text: String) -> String {
        var writer = JSONWriter()
        writer.string(text)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    private static func list(_ texts: [String]) -> String { "[" + texts.map(quoted).joined(separator: ",") + "]" }

    private func adding(_ name: String, _ json: String?) -> Shape {
        guard let json else { return self }
        var shape = self
        shape.keywords = keywords.filter { $0.name != name } + [(name, json)]
        return shape
    }

    /// The same as a component of the document: generated clients have a type of that name, wherever it is referred to.
    func called(_ name: String) -> Shape {
        var shape = Shape.named(name)
        shape.components = [(name, json)] + components
        return shape
    }

    /// The same with words for people.
    func saying(_ text: String?) -> Shape { adding("description", text.map(Self.quoted)) }

    /// The same, absent meaning `value`.
    func standard(_ value: String) -> Shape { adding("default", Self.quoted(value)) }

    /// A member of an object.
    struct Member {
        var name: String
        var shape: Shape
        var isNeeded: Bool

        /// A member that must be there.
        static func must(_ name: String, _ shape: Shape, _ text: String? = nil) -> Member {
            Member(name: name, shape: text.map(shape.saying) ?? shape, isNeeded: true)
        }

        /// A member that may be left out.
        static func may(_ name: String, _ shape: Shape, _ text: String? = nil) -> Member {
            Member(name: name, shape: text.map(shape.saying) ?? shape, isNeeded: false)
        }
    }

    /// An object with these members and no others.
    static func object(_ members: Member...) -> Shape {
        let needed = members.filter(\.isNeeded).map(\.name)
        let properties = members.map { "\(quoted($0.name)):\($0.shape.json)" }.joined(separator: ",")
        return Shape([("type", quoted("object")), ("properties", "{\(properties)}")], members.map(\.shape))
            .adding("required", needed.isEmpty ? nil : list(needed)).adding("additionalProperties", "false")
    }

    /// The same object with further members whose names match a pattern; `count` is of all members.
    func others(named pattern: String, _ shape: Shape, atMost count: Int) -> Shape {
        adding("maxProperties", "\(count)").adding("propertyNames", #"{"pattern":\#(Self.quoted(pattern))}"#)
            .adding("additionalProperties", shape.json)
    }

    static func either(_ shapes: Shape...) -> Shape {
        Shape([("oneOf", "[" + shapes.map(\.json).joined(separator: ",") + "]")], shapes)
    }

    static func of(_ shape: Shape, _ range: ClosedRange<Int>? = nil, isSet: Bool = true) -> Shape {
        Shape([("type", quoted("array"))], [shape])
            .adding("minItems", range.flatMap { $0.lowerBound > 0 ? "\($0.lowerBound)" : nil })
            .adding("maxItems", range.map { "\($0.upperBound)" }).adding("uniqueItems", isSet ? "true" : nil)
            .adding("items", shape.json)
    }

    static func choice(_ values: [String]) -> Shape { Shape([("enum", list(values))]) }
    static func choice(_ values: String...) -> Shape { choice(values) }
    static func constant(_ value: String) -> Shape { Shape([("const", quoted(value))]) }

    static func integer(_ range: ClosedRange<Int>, standard: Int? = nil) -> Shape {
        Shape([("type", quoted("integer")), ("minimum", "\(range.lowerBound)"), ("maximum", "\(range.upperBound)")])
            .adding("default", standard.map(String.init))
    }

    static let boolean = Shape([("type", quoted("boolean"))])
    static func boolean(standard: Bool) -> Shape { boolean.adding("default", "\(standard)") }

    static func text(_ length: ClosedRange<Int>? = nil, like examples: String...) -> Shape {
        Shape([("type", quoted("string"))])
            .adding("minLength", length.flatMap { $0.lowerBound > 0 ? "\($0.lowerBound)" : nil })
            .adding("maxLength", length.map { "\($0.upperBound)" })
            .adding("examples", examples.isEmpty ? nil : list(examples))
    }

    static func text(format: String) -> Shape { Shape([("type", quoted("string")), ("format", quoted(format))]) }
    static func text(pattern: String) -> Shape { Shape([("type", quoted("string")), ("pattern", quoted(pattern))]) }

    /// A component of the document.
    static func named(_ name: String) -> Shape { Shape([("$ref", quoted("@" + name))]) }

    static let address = text(like: "2001:db8::1")
    static let ipv4 = text(format: "ipv4")
    static let prefix = text(like: "2001:db8:0:1::/64")
    static let mac = text(like: "02:6b:63:00:00:01")
    static let interface = text(1...15, like: "eth0")
    static let vni = integer(1...16_777_215)
    static let port = integer(1...65_535)
    static let domain = text(1...254, like: "cloud.example")

    /// A name or an id of another resource.
    static func reference(_ what: String) -> Shape { text(1...63).saying("\(what), by name or id.") }
}
