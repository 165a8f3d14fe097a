import ArgumentParser
import Documents
import Resources

/// A number of a machine type: "4", "1-8", "1-8:2", "512-16384/512:2048".
struct Quantity: ExpressibleByArgument {
    let node: JSONNode

    init?(argument: String) {
        func number(_ text: Substring?) -> JSONNode? {
            text.flatMap { UInt64($0) }.map { JSONNode(.number("\($0)")) }
        }
        if let fixed = number(argument[...]) {
            node = fixed
            return
        }
        let halves = argument.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let range = halves[0].split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let ends = range[0].split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard ends.count == 2, let minimum = number(ends[0]), let maximum = number(ends[1]) else { return nil }
        var node = JSONNode.object([("minimum", minimum), ("maximum", maximum)])
        if range.count == 2 {
            guard let step = number(range[1]) else { return nil }
            node = node.setting("step", to: step)
        }
        if halves.count == 2 {
            guard let standard = number(halves[1]) else { return nil }
            node = node.setting("default", to: standard)
        } else {
            node = node.setting("default", to: minimum)
        }
        self.node = node
    }
}

/// A word of a machine type, or several that its VMs choose from, the first of them by default.
struct WordChoice: ExpressibleByArgument {
    let node: JSONNode

    init?(argument: String) {
        let words = argument.split(separator: ",", omittingEmptySubsequences: false).map { JSONNode.string(String($0)) }
        guard words.count > 1 else {
            node = .string(argument)
            return
        }
        node = .object([("choices", JSONNode(.array(words))), ("default", words[0])])
    }
}

/// A parameter of a VM: "cpus=4", "firmware=bios", "guestAgent=false".
struct Parameter: ExpressibleByArgument {
    let name: String
    /// nil goes back to the type's default: "cpus=".
    let value: JSONNode?

    init?(argument: String) {
        let halves = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard halves.count == 2, !halves[0].isEmpty else { return nil }
        name = halves[0]
        switch halves[1] {
        case "": value = nil
        case "true", "false": value = JSONNode(.bool(halves[1] == "true"))
        case let text where UInt64(text) != nil: value = JSONNode(.number("\(UInt64(text) ?? 0)"))
        case let text: value = .string(text)
        }
    }
}
