package import Resources

/// Writes JSON values as YAML that reads back as the same values here and in readers of YAML 1.1: block style, and
/// quotes around every text that anyone could take for something else.
package enum YAMLWriter {
    /// The document without a leading `---`, ending with a newline.
    package static func text(_ node: JSONNode) -> String {
        var lines: [String] = []
        write(node, indent: 0, lead: "", to: &lines)
        return lines.joined(separator: "\n") + "\n"
    }

    /// - Parameter lead: what stands before the value on its first line: "name:", "-".
    private static func write(_ node: JSONNode, indent: Int, lead: String, to lines: inout [String]) {
        let space = String(repeating: " ", count: indent)
        switch node.content {
        case .object(let members) where !members.isEmpty:
            writeBlock(lead, space, to: &lines) { lines in
                for member in members {
                    write(member.value, indent: indent, lead: quoted(member.name) + ":", to: &lines)
                }
            }
        case .array(let nodes) where !nodes.isEmpty:
            writeBlock(lead, space, to: &lines) { lines in
                for node in nodes { write(node, indent: indent, lead: "-", to: &lines) }
            }
        case .string(let text): lines.append(join(lead, quoted(text)))
        default: lines.append(join(lead, String(decoding: node.raw, as: UTF8.self)))
        }
    }

    private static func writeBlock(
        _ lead: String, _ space: String, to lines: inout [String], _ body: (inout [String]) -> Void
    ) {
        var block: [String] = []
        body(&block)
        switch lead {
        case "": lines += block
        // A list's element begins on the line of its dash.
        case "-": lines += block.enumerated().map { ($0.offset == 0 ? "- " : "  ") + $0.element }
        default: lines += [lead] + block.map { "  " + $0 }
        }
    }

    private static func join(_ lead: String, _ value: String) -> String { lead.isEmpty ? value : "\(lead) \(value)" }

    /// The words that some reader takes for a boolean, null or a number.
    private static let reserved: Set<String> = [
        "true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf",
    ]

    /// A JSON string is a YAML double-quoted scalar as well.
    private static func quoted(_ text: String) -> String {
        func isLetter(_ byte: UInt8) -> Bool { (65...90).contains(byte) || (97...122).contains(byte) }
        let isPlain =
            text.utf8.first.map(isLetter) ?? false
            && text.utf8.allSatisfy { byte in
                isLetter(byte) || (48...57).contains(byte)
                    || [UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "/")].contains(byte)
            } && !reserved.contains(text.lowercased())
        return isPlain ? text : String(decoding: text.json, as: UTF8.self)
    }
}
