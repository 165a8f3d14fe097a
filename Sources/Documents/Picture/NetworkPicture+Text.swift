import Resources

extension NetworkPicture {
    /// A tree for a terminal: hosts, their segments, what is attached there.
    /// - Parameter coloured: states in SGR sequences.
    package func text(coloured: Bool = false) -> [String] {
        var lines: [String] = []
        for machine in machines {
            lines.append(
                line(machine.name, machine.vtep, Place(machine), coloured, note: lanes(on: machine.id).isEmpty))
            lines += branches(lanes(on: machine.id).map { ($0, machine.id) }, coloured)
        }
        let lost = lanes.filter { !ports(of: $0, on: nil).isEmpty }
        if !lost.isEmpty {
            // Who may not see hosts is not told that there are none.
            if !machines.isEmpty { lines.append("(on no host)") }
            lines += branches(lost.map { ($0, nil) }, coloured)
        }
        let empty = lanes.filter { lane in !ports.contains { $0.segment == lane.id } }
        if !empty.isEmpty {
            lines.append("(segments with nothing attached)")
            lines += empty.map { "   \(describe($0))" }
        }
        return lines
    }

    private func lanes(on host: ResourceID) -> [Lane] { lanes.filter { !ports(of: $0, on: host).isEmpty } }

    private func branches(_ lanes: [(Lane, ResourceID?)], _ coloured: Bool) -> [String] {
        var lines: [String] = []
        for (index, (lane, host)) in lanes.enumerated() {
            let isLast = index == lanes.count - 1
            let place = host.flatMap { lane.hosts[$0] }
            lines.append((isLast ? "└─ " : "├─ ") + describe(lane) + state(place, coloured))
            let ports = ports(of: lane, on: host)
            let width = ports.map { DisplayText.width(title(of: $0)) }.max() ?? 0
            for (number, port) in ports.enumerated() {
                let stem = (isLast ? "   " : "│  ") + (number == ports.count - 1 ? "└─ " : "├─ ")
                let name = DisplayText.padded(title(of: port), to: width)
                lines.append(
                    stem + "\(name)  \(port.address)".trimmingEnd + state(port.place, coloured))
            }
        }
        return lines
    }

    private func title(of port: Port) -> String { port.isGateway ? "gateway \(port.name)" : port.name }

    private func describe(_ lane: Lane) -> String {
        let parts = [title(of: lane), lane.vni.map { "VNI \($0)" } ?? "", lane.prefix ?? "no prefix", lane.replication]
        return parts.filter { !$0.isEmpty }.joined(separator: "  ")
    }

    private func line(_ name: String, _ detail: String, _ place: Place, _ coloured: Bool, note isEmpty: Bool) -> String
    {
        "\(name)  \(detail)".trimmingEnd + state(place, coloured) + (isEmpty ? "  (nothing attached)" : "")
    }

    /// The phase, and what there is to say of it.
    private func state(_ place: Place?, _ coloured: Bool) -> String {
        guard let place else { return "" }
        let phase = coloured ? place.state.tone.dress(place.phase) : place.phase
        guard let message = place.message else { return "  \(phase)" }
        return "  \(phase): \(DisplayText.safe(message))"
    }
}

extension NetworkPicture.Place {
    fileprivate init(_ machine: NetworkPicture.Machine) {
        self.init(phase: machine.phase, state: machine.state, message: machine.message)
    }
}

extension String {
    fileprivate var trimmingEnd: String { String(self[..<(lastIndex { $0 != " " }.map(index(after:)) ?? startIndex)]) }
}
