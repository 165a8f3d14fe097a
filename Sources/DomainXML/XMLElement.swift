/// An element of XML 1.0 as a value: names are written in the program, values come from anywhere and are escaped.
struct XMLElement: Sendable {
    /// Of an element or an attribute: only what stands in the program.
    typealias Name = StaticName

    private let name: Name
    private let attributes: [(name: Name, value: String)]
    private let content: Content

    enum Content: Sendable {
        case elements([XMLElement])
        case text(String)
    }

    init(_ name: Name, _ attributes: [(Name, String)] = [], _ elements: [XMLElement] = []) {
        self.name = name
        self.attributes = attributes.map { (name: $0.0, value: $0.1) }
        content = .elements(elements)
    }

    init(_ name: Name, _ attributes: [(Name, String)] = [], text: String) {
        self.name = name
        self.attributes = attributes.map { (name: $0.0, value: $0.1) }
        content = .text(text)
    }

    /// The document, indented by two spaces a level, each element on a line of its own, with a newline at the end.
    func rendered() -> String {
        var text = ""
        write(to: &text, depth: 0)
        return text
    }

    private func write(to text: inout String, depth: Int) {
        let indent = String(repeating: "  ", count: depth)
        text += "\(indent)<\(name.text)"
        for attribute in attributes {
            text += " \(attribute.name.text)='"
            Self.escape(attribute.value, to: &text)
            text += "'"
        }
        switch content {
        case .elements(let elements) where elements.isEmpty: text += "/>\n"
        case .elements(let elements):
            text += ">\n"
            for element in elements { element.write(to: &text, depth: depth + 1) }
            text += "\(indent)</\(name.text)>\n"
        case .text(let value):
            text += ">"
            Self.escape(value, to: &text)
            text += "</\(name.text)>\n"
        }
    }

    /// Everything that could end a value or begin something else, and white space that a reader would change (XML 1.0
    /// sections 2.4, 2.11, 3.3.3). What no document can contain (section 2.2) becomes U+FFFD; the types of a domain let
    /// none of it come so far.
    private static func escape(_ value: String, to text: inout String) {
        for scalar in value.unicodeScalars {
            switch scalar {
            case "&": text += "&amp;"
            case "<": text += "&lt;"
            case ">": text += "&gt;"
            case "'": text += "&apos;"
            case "\"": text += "&quot;"
            case "\t", "\n", "\r": text += "&#\(scalar.value);"
            default: text.unicodeScalars.append(isAllowed(scalar) ? scalar : "\u{fffd}")
            }
        }
    }

    private static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x20...0xd7ff, 0xe000...0xfffd, 0x10000...0x10ffff: true
        default: false
        }
    }
}

/// A name that stands in the program's text: no value at run time can become one.
struct StaticName: Sendable, ExpressibleByStringLiteral {
    let text: String

    init(stringLiteral value: StaticString) { text = "\(value)" }
}
