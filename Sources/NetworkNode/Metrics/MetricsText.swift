/// Measures in Prometheus' text format, version 0.0.4: families with help, type and samples.
package struct MetricsText: Sendable {
    package private(set) var text = ""

    package enum Kind: String, Sendable { case counter, gauge, summary }

    package init() {}

    /// Begins a family; its samples follow.
    package mutating func family(_ name: String, _ kind: Kind, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
    }

    package mutating func sample(_ name: String, _ value: UInt64, _ labels: [(String, String)] = []) {
        write(name, labels, "\(value)")
    }

    package mutating func sample(_ name: String, _ value: Int, _ labels: [(String, String)] = []) {
        write(name, labels, "\(value)")
    }

    /// In seconds, to the microsecond.
    package mutating func sample(_ name: String, _ value: Duration, _ labels: [(String, String)] = []) {
        let (seconds, attoseconds) = value.components
        let fraction = String(attoseconds / 1_000_000_000_000)
        write(name, labels, "\(seconds).\(String(repeating: "0", count: max(0, 6 - fraction.count)))\(fraction)")
    }

    private mutating func write(_ name: String, _ labels: [(String, String)], _ value: String) {
        text += name
        if !labels.isEmpty {
            text += "{" + labels.map { "\($0.0)=\"\(Self.escaped($0.1))\"" }.joined(separator: ",") + "}"
        }
        text += " \(value)\n"
    }

    private static func escaped(_ value: String) -> String {
        var escaped = ""
        for character in value {
            switch character {
            case "\\": escaped += "\\\\"
            case "\"": escaped += "\\\""
            case "\n": escaped += "\\n"
            default: escaped.append(character)
            }
        }
        return escaped
    }
}
