import Resources
import Yams

/// Reads YAML into JSON values, by the core schema of YAML 1.2 and stricter: what could be meant in two ways is refused
/// with its line instead of guessed. `no` and `12:34:56` are texts; `0123`, `+1`, `.5` and `.inf` must be quoted or
/// written as JSON writes numbers; a number keeps its digits.
enum YAMLReader {
    /// Documents nest at most as deep as JSON that KC accepts.
    static let maximumDepth = JSONParser.maximumDepth
    /// Aliases are expanded, so that a small file could be a huge document: this many values are enough for anyone.
    static let maximumValues = 2_000_000

    /// The documents of a YAML stream with the line each begins at; empty documents are left out.
    static func documents(_ text: String, source: String) throws(DocumentError) -> [(node: JSONNode, line: Int?)] {
        if let documents = JSONStream.documents(text) { return documents }
        var documents: [(node: JSONNode, line: Int?)] = []
        var conversion = Conversion(source: source)
        do {
            let parser = try Parser(yaml: text, resolver: .basic)
            while let root = try parser.nextRoot() {
                if let scalar = root.scalar, scalar.style == .plain, scalar.string.isEmpty { continue }
                documents.append((try conversion.convert(root, depth: 0), root.mark?.line))
            }
        } catch let error as DocumentError { throw error } catch { throw describe(error, source: source) }
        return documents
    }

    private static func describe(_ error: any Error, source: String) -> DocumentError {
        switch error {
        case YamlError.scanner(_, let problem, let mark, _), YamlError.parser(_, let problem, let mark, _),
            YamlError.composer(_, let problem, let mark, _):
            DocumentError(source: source, line: mark.line, rule: "not valid YAML: \(problem)")
        case YamlError.duplicatedKeysInMapping(let duplicates, _):
            DocumentError(
                source: source, rule: "the name '\(duplicates.first ?? "")' stands twice in one mapping")
        case YamlError.reader(let problem, _, _, _):
            DocumentError(source: source, rule: "not valid YAML: \(problem)")
        default: DocumentError(source: source, rule: "not valid YAML: \(error)")
        }
    }

    private struct Conversion {
        let source: String
        var values = 0

        mutating func convert(_ node: Node, depth: Int) throws(DocumentError) -> JSONNode {
            let line = node.mark?.line
            func refuse(_ rule: String) -> DocumentError { DocumentError(source: source, line: line, rule: rule) }
            values += 1
            guard depth < YAMLReader.maximumDepth else { throw refuse("nested deeper than \(maximumDepth)") }
            guard values <= YAMLReader.maximumValues else { throw refuse("more than \(maximumValues) values") }
            switch node {
            case .scalar(let scalar):
                do { return try YAMLScalar.value(scalar) } catch { throw refuse(error.rule) }
            case .sequence(let sequence):
                var nodes: [JSONNode] = []
                for element in sequence { nodes.append(try convert(element, depth: depth + 1)) }
                return JSONNode(.array(nodes))
            case .mapping(let mapping):
                var members: [(name: String, value: JSONNode)] = []
                var names: Set<String> = []
                for (key, value) in mapping {
                    guard let name = key.scalar?.string else { throw refuse("a name must be a text") }
                    guard names.insert(name).inserted else {
                        throw refuse("the name '\(name.prefix(64))' stands twice in one mapping")
                    }
                    members.append((name, try convert(value, depth: depth + 1)))
                }
                return .object(members)
            case .alias: throw refuse("an alias stands for nothing")
            }
        }
    }
}
