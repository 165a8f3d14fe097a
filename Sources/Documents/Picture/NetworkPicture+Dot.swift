extension NetworkPicture {
    /// The DOT language of Graphviz: a box a host, an ellipse a segment, lines from each port to its segment.
    package func dot() -> String {
        var lines = [
            "graph kc {", "  graph [rankdir=LR, fontname=\"sans-serif\"];",
            "  node [fontname=\"sans-serif\", shape=box, style=\"rounded,filled\", fillcolor=white];",
            "  edge [fontname=\"sans-serif\"];",
        ]
        for (index, machine) in machines.enumerated() {
            lines.append("  subgraph cluster_\(index) {")
            lines.append(
                "    label=\(quoted("\(machine.name)\n\(machine.vtep)")); color=\(quoted(machine.state.colour));")
            for (number, port) in ports.enumerated() where port.host == machine.id { lines.append(node(number, port)) }
            lines.append("  }")
        }
        for (number, port) in ports.enumerated() where port.host == nil { lines.append(node(number, port)) }
        for (index, lane) in lanes.enumerated() {
            let label = [title(of: lane), lane.vni.map { "VNI \($0)" } ?? "", lane.prefix ?? ""].filter { !$0.isEmpty }
            lines.append("  s\(index) [shape=ellipse, label=\(quoted(label.joined(separator: "\n")))];")
            for (number, port) in ports.enumerated() where port.segment == lane.id {
                let isWell = port.place.state
                lines.append("  p\(number) -- s\(index) [color=\(quoted(isWell.colour))];")
            }
        }
        return (lines + ["}"]).joined(separator: "\n") + "\n"
    }

    private func node(_ number: Int, _ port: Port) -> String {
        let label = [port.name, port.address].filter { !$0.isEmpty }.joined(separator: "\n")
        let shape = port.isGateway ? "diamond" : "box"
        return "    p\(number) [shape=\(shape), label=\(quoted(label)), color=\(quoted(port.place.state.colour))];"
    }

    /// A double-quoted ID; a newline is `\n`, and nothing else is special inside but the quote and the backslash.
    private func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n": out += "\\n"
            case "\"", "\\": out += "\\\(scalar)"
            case _ where scalar.value < 0x20 || scalar.value == 0x7f: out += " "
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }
}

extension NetworkPicture.State {
    /// Distinct also to who does not tell red from green, by lightness.
    var colour: String {
        switch self {
        case .good: "#1b7837"
        case .waiting: "#e08214"
        case .bad: "#c51b1b"
        case .unknown: "#8c8c8c"
        }
    }
}
