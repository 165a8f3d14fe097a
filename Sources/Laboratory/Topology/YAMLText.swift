package import Resources
import Yams

/// Reads YAML as the JSON it stands for, so that every file KC takes is read by the same strict reader.
///
/// Plain scalars are null, true, false and numbers only where JSON writes them so; everything else is a string: YAML 1.1
/// reads `no` as false, and half of all MAC addresses as numbers to the base of 60.
package enum YAMLText {
    /// Larger files are refused: a laboratory is written by hand.
    package static let maximumBytes = 1 << 20
    /// Nodes after aliases are followed: a few lines of aliases of aliases can stand for billions.
    package static let maximumNodes = 100_000

    /// The one document of `text`; an empty file is an empty object.
    /// - Parameter file: named in errors.
    package static func parse(_ text: String, file: String) throws(LaboratoryError) -> JSONNode {
        func refuse(_ message: String) -> LaboratoryError {
            LaboratoryError(.invalid, operation: "read", subject: file, message: message)
        }
        guard text.utf8.count <= maximumBytes else { throw refuse("it is larger than \(maximumBytes) bytes") }
        let root: Node?
        do { root = try Yams.compose(yaml: text) } catch { throw refuse("\(error)") }
        var writer = JSONWriter()
        if let root {
            var nodes = 0
            guard write(root, to: &writer, depth: 0, nodes: &nodes) else {
                throw refuse(
                    "it has more than \(maximumNodes) values, is nested too deep, or has a key that is no text")
            }
        } else {
            writer.object { _ in }
        }
        do { return try JSONParser.parse(writer.bytes) } catch { throw refuse(error.rule) }
    }

    private static func write(_ node: Node, to writer: inout JSONWriter, depth: Int, nodes: inout Int) -> Bool {
        nodes += 1
        guard nodes <= maximumNodes, depth < JSONParser.maximumDepth else { return false }
        switch node {
        case .scalar(let scalar):
            if scalar.style == .plain || scalar.style == .any, let json = plain(scalar.string) {
                writer.raw(json)
            } else {
                writer.string(scalar.string)
            }
            return true
        case .sequence(let sequence):
            var isGood = true
            writer.array { writer in
                for element in sequence {
                    isGood = isGood && write(element, to: &writer, depth: depth + 1, nodes: &nodes)
                }
            }
            return isGood
        case .mapping(let mapping):
            var isGood = true
            writer.object { writer in
                for (key, value) in mapping {
                    guard case .scalar(let name) = key else {
                        isGood = false
                        break
                    }
                    writer.name(name.string)
                    isGood = isGood && write(value, to: &writer, depth: depth + 1, nodes: &nodes)
                }
            }
            return isGood
        case .alias:
            return false
        }
    }

    /// The JSON of a plain scalar that is not a string; nil for one that is.
    private static func plain(_ text: String) -> [UInt8]? {
        switch text {
        case "", "~", "null": return Array("null".utf8)
        case "true", "false": return Array(text.utf8)
        default:
            guard let first = text.utf8.first, first == UInt8(ascii: "-") || (48...57).contains(first) else {
                return nil
            }
            do {
                let node = try JSONParser.parse(Array(text.utf8))
                if case .number = node.content { return Array(text.utf8) }
                return nil
            } catch {
                // Not a JSON number: a string such as an address or a MAC.
                return nil
            }
        }
    }
}
