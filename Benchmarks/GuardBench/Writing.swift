import FoundationEssentials
import Glibc
import NFTables
import NetworkPlanning

/// The same elements for the other sides.
enum Writing {
    /// `port.txt` for floors/elements.c and `port.json` for floors/libnftables.c.
    static func ports(_ ports: [[GuardElement]], to folder: String) throws {
        var lines = "", json = ""
        for elements in ports {
            lines += "port\n" + elements.map(line).joined()
            for verb in ["add", "delete"] {
                json += "{\"nftables\":[" + elements.map { "{\"\(verb)\":\(command($0, isAddition: verb == "add"))}" }.joined(separator: ",") + "]}\n"
            }
        }
        try write(lines, "\(folder)/port.txt")
        try write(json, "\(folder)/port.json")
    }

    /// `policy.nft`: the elements that change, taken away and put in again in one transaction.
    static func policy(remove: [GuardElement], add: [GuardElement], to name: String) throws {
        var text = ""
        for (verb, elements) in [("delete", remove), ("add", add)] {
            for (set, some) in Dictionary(grouping: elements, by: \.set).sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
                text += "\(verb) element \(set.family.rawValue) kc \(set.set.name) {\n"
                text += some.compactMap { set.set.text(of: $0.element) }.joined(separator: ",\n") + "\n}\n"
            }
        }
        try write(text, name)
    }

    /// kc-nft stands beside this program.
    static func worker() -> String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        let path = String(decoding: buffer[..<max(0, count)].map(UInt8.init(bitPattern:)), as: UTF8.self)
        return path.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/kc-nft"
    }

    private static func line(_ one: GuardElement) -> String {
        func hex(_ key: ElementKey) -> String {
            key.withBytes { $0.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() }
        }
        let value: String =
            switch one.element.value {
            case .none: "-"
            case .mark(let mark): "mark:\(String(mark, radix: 16))"
            case .verdict(.goto(let chain)): "goto:\(chain)"
            case .verdict: "accept"
            }
        let limit = one.element.limit.map { "\($0.rate):\($0.burst):\($0.unit.rawValue):\($0.isOver ? 1 : 0)" } ?? "-"
        // NFPROTO_INET, NFPROTO_BRIDGE (linux/netfilter.h).
        let family = one.set.family == .inet ? 1 : 7
        return "\(family) \(one.set.set.name) \(hex(one.element.key)) \(one.element.end.map { hex($0.key) } ?? "-") \(value) \(limit)\n"
    }

    /// As libnftables-json(5) has it; the parts of the key as nft's text writes them.
    private static func command(_ one: GuardElement, isAddition: Bool) -> String {
        let named = one.set.set
        let bare = named.text(of: Element(key: one.element.key)) ?? ""
        let parts = bare.components(" . ").map { "\"\($0.filter { $0 != "\"" })\"" }
        var key = parts.count == 1 ? parts[0] : "{\"concat\":[\(parts.joined(separator: ","))]}"
        if isAddition, let limit = one.element.limit {
            key = "{\"elem\":{\"val\":\(key),\"limit\":{\"rate\":\(limit.rate),\"burst\":\(limit.burst),\"per\":\"second\",\"inv\":\(limit.isOver)}}}"
        }
        switch one.element.value {
        case .none: break
        case .mark(let mark): if isAddition { key = "[\(key),\(mark)]" }
        case .verdict(.goto(let chain)): if isAddition { key = "[\(key),{\"goto\":{\"target\":\"\(chain)\"}}]" }
        case .verdict: if isAddition { key = "[\(key),{\"accept\":null}]" }
        }
        return "{\"element\":{\"family\":\"\(one.set.family.rawValue)\",\"table\":\"kc\",\"name\":\"\(named.name)\",\"elem\":[\(key)]}}"
    }

    private static func write(_ text: String, _ file: String) throws {
        try Data(text.utf8).write(to: URL(filePath: file))
    }
}

extension String {
    /// The pieces between a separator of several characters.
    fileprivate func components(_ separator: String) -> [String] {
        var pieces: [String] = [], rest = self[...]
        while let range = rest.firstRange(of: separator) {
            pieces.append(String(rest[..<range.lowerBound]))
            rest = rest[range.upperBound...]
        }
        return pieces + [String(rest)]
    }
}
