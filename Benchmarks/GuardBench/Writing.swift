import FoundationEssentials
import Glibc
import NFTables
import NetworkPlanning

/// The same elements for the other sides.
enum Writing {
    /// `port.txt` for floors/elements.c and `port.json` for floors/libnftables.c.
    static func ports(_ ports: [[GuardElement]], to folder: String) throws {
        var lines = ""
        var json = ""
        for elements in ports {
            lines += "port\n" + elements.map(line).joined()
            for isAddition in [true, false] {
                let verb = isAddition ? "add" : "delete"
                let commands = elements.map { "{\"\(verb)\":\(command($0, isAddition: isAddition))}" }
                json += "{\"nftables\":[" + commands.joined(separator: ",") + "]}\n"
            }
        }
        try write(lines, "\(folder)/port.txt")
        try write(json, "\(folder)/port.json")
    }

    /// The elements that change, as text of nft: taken away and put in again in one transaction.
    static func policy(_ change: PolicyChange, to name: String) throws {
        var text = ""
        for (verb, elements) in [("delete", change.remove), ("add", change.add)] {
            let bySet = Dictionary(grouping: elements, by: \.set).sorted { $0.key.rawValue < $1.key.rawValue }
            for (set, some) in bySet {
                text += "\(verb) element \(set.family.rawValue) kc \(set.set.name) {\n"
                text += some.compactMap { set.set.text(of: $0.element) }.joined(separator: ",\n") + "\n}\n"
            }
        }
        try write(text, name)
    }

    private static func line(_ one: GuardElement) -> String {
        func hex(_ key: ElementKey) -> String {
            key.withBytes { $0.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() }
        }
        let value: String =
            switch one.element.value {
            case .none: "-"
            case .mark(let mark): "mark:\(String(mark, radix: 16))"
            }
        let limit = one.element.limit.map { "\($0.rate):\($0.burst):\($0.unit.rawValue):\($0.isOver ? 1 : 0)" } ?? "-"
        // NFPROTO_INET, NFPROTO_BRIDGE (linux/netfilter.h).
        let family = one.set.family == .inet ? 1 : 7
        let keys = "\(hex(one.element.key)) \(one.element.end.map { hex($0.key) } ?? "-")"
        return "\(family) \(one.set.set.name) \(keys) \(value) \(limit)\n"
    }

    /// As libnftables-json(5) has it; the parts of the key as nft's text writes them.
    private static func command(_ one: GuardElement, isAddition: Bool) -> String {
        let named = one.set.set
        let bare = named.text(of: Element(key: one.element.key)) ?? ""
        let parts = bare.components(" . ").map { "\"\($0.filter { $0 != "\"" })\"" }
        var key = parts.count == 1 ? parts[0] : "{\"concat\":[\(parts.joined(separator: ","))]}"
        if isAddition, let limit = one.element.limit {
            let words = "\"rate\":\(limit.rate),\"burst\":\(limit.burst),\"per\":\"second\",\"inv\":\(limit.isOver)"
            key = "{\"elem\":{\"val\":\(key),\"limit\":{\(words)}}}"
        }
        if isAddition, case .mark(let mark) = one.element.value { key = "[\(key),\(mark)]" }
        let place = "\"family\":\"\(one.set.family.rawValue)\",\"table\":\"kc\",\"name\":\"\(named.name)\""
        return "{\"element\":{\(place),\"elem\":[\(key)]}}"
    }

    private static func write(_ text: String, _ file: String) throws {
        try Data(text.utf8).write(to: URL(filePath: file))
    }
}

extension String {
    /// The pieces between a separator of several characters.
    fileprivate func components(_ separator: String) -> [String] {
        var pieces: [String] = []
        var rest = self[...]
        while let range = rest.firstRange(of: separator) {
            pieces.append(String(rest[..<range.lowerBound]))
            rest = rest[range.upperBound...]
        }
        return pieces + [String(rest)]
    }
}
