package import APIClient
package import Documents
import Resources

/// Everything about one resource, a field a line, for people.
package enum Description {
    package static func lines(_ document: ResourceDocument, _ names: NameIndex, coloured: Bool, withSpec: Bool = true)
        -> [String]
    {
        var table = Table(["", ""])
        func add(_ name: String, _ value: String) { table.add([.init("  " + name, .quiet), .init(value)]) }
        for member in document.node.members where !["kind", "name", "spec", "status"].contains(member.name) {
            for (path, value) in leaves(member.value, member.name, names) { add(path, value) }
        }
        for section in withSpec ? ["spec", "status"] : ["status"] {
            guard let node = document.node[section], !node.members.isEmpty else { continue }
            table.add([.init(section)])
            for member in node.members {
                for (path, value) in leaves(member.value, member.name, names) { add(path, value) }
            }
        }
        return ["\(document.kind) \(document.name)"] + table.lines(coloured: coloured, withHeader: false)
    }

    /// Every value with its path; ids become names where they are known.
    private static func leaves(_ node: JSONNode, _ path: String, _ names: NameIndex) -> [(String, String)] {
        // The id of the resource itself stays an id.
        let value = path == "id" ? node.displayText : names.name(node.displayText)
        switch node.content {
        case .object(let members) where path == "annotations":
            return members.map { ("\(path).\($0.name)", String(decoding: $0.value.raw, as: UTF8.self)) }
        case .object(let members):
            return members.flatMap { leaves($0.value, "\(path).\($0.name)", names) }
        case .array(let nodes):
            let isFlat = nodes.allSatisfy { $0.members.isEmpty && $0.elements.isEmpty }
            if isFlat {
                return nodes.isEmpty ? [] : [(path, nodes.map { names.name($0.displayText) }.joined(separator: ", "))]
            }
            return nodes.enumerated().flatMap { leaves($0.element, "\(path)[\($0.offset)]", names) }
        default: return [(path, value)]
        }
    }
}
