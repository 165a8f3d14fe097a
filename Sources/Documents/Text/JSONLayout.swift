package import Resources

/// JSON with line breaks and two spaces a level, for people and `diff`.
package enum JSONLayout {
    /// What stands under `annotations` of a resource keeps its own bytes: it is the customer's.
    package static func text(_ node: JSONNode) -> String {
        var bytes: [UInt8] = []
        write(node, level: 0, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func write(_ node: JSONNode, level: Int, keepsValues: Bool = false, to bytes: inout [UInt8]) {
        func newline(_ level: Int) {
            bytes.append(UInt8(ascii: "\n"))
            bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: level * 2))
        }
        switch node.content {
        case .array(let nodes) where !nodes.isEmpty:
            bytes.append(UInt8(ascii: "["))
            for (index, node) in nodes.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                newline(level + 1)
                write(node, level: level + 1, to: &bytes)
            }
            newline(level)
            bytes.append(UInt8(ascii: "]"))
        case .object(let members) where !members.isEmpty:
            bytes.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                newline(level + 1)
                bytes.append(contentsOf: member.name.json)
                bytes.append(contentsOf: ": ".utf8)
                if keepsValues {
                    bytes.append(contentsOf: member.value.raw)
                } else {
                    write(
                        member.value, level: level + 1, keepsValues: member.name == "annotations", to: &bytes)
                }
            }
            newline(level)
            bytes.append(UInt8(ascii: "}"))
        default: bytes.append(contentsOf: node.raw)
        }
    }
}
