import APIClient
import ArgumentParser
import Commands
import Documents
import NetworkModel
import Resources

struct PolicyFlags: KindFlags {
    static let abstract = "Who may talk to attachments, and to whom they may talk."
    static var description: KindDescription { described(Policy.kind) }

    @Option(
        help: ArgumentHelp(
            "Let this in: 'tcp/80,443', 'udp/53 from 2001:db8::/32,clients rate 100 log'; may be repeated.",
            valueName: "rule"))
    var allow: [String] = []
    @Option(
        help: ArgumentHelp(
            "Who, for rules that do not say it: prefixes, policies (their members), any.", valueName: "peer,…"))
    var from: String?
    @Option(
        help: ArgumentHelp(
            "Let only this out: 'tcp/443 to 2001:db8::/32'; may be repeated. Without one everything may leave.",
            valueName: "rule"))
    var allowOut: [String] = []
    @Option(help: ArgumentHelp("To whom, for rules that do not say it.", valueName: "peer,…")) var to: String?
    @Flag(help: "Let nothing out but replies.") var denyOut = false
    @Option(help: ArgumentHelp("Let this in too, and keep the rules there are; may be repeated.", valueName: "rule"))
    var add: [String] = []
    @Option(help: ArgumentHelp("Let this out too; may be repeated.", valueName: "rule")) var addOut: [String] = []
    @Option(help: ArgumentHelp("Take away the rule of this number, as `show` counts them.", valueName: "number"))
    var remove: [Int] = []
    @Option(help: ArgumentHelp("The same for what may leave.", valueName: "number")) var removeOut: [Int] = []

    func validate() throws {
        if from != nil, allow.isEmpty, add.isEmpty { throw ValidationError("--from needs --allow or --add") }
        if to != nil, allowOut.isEmpty, addOut.isEmpty { throw ValidationError("--to needs --allow-out or --add-out") }
        if denyOut, !allowOut.isEmpty || !addOut.isEmpty || !removeOut.isEmpty {
            throw ValidationError("--deny-out excludes rules for what may leave")
        }
        for (whole, parts, names) in [
            (allow, !add.isEmpty || !remove.isEmpty, "--allow replaces all rules: it excludes --add and --remove"),
            (
                allowOut, !addOut.isEmpty || !removeOut.isEmpty,
                "--allow-out replaces all rules: it excludes --add-out and --remove-out"
            ),
        ] where !whole.isEmpty && parts { throw ValidationError(names) }
    }

    func edit(_ spec: JSONNode) throws -> JSONNode {
        var policy = try Policy.Spec(json: spec, path: "spec")
        func rules(_ texts: [String], _ direction: PolicyRule.Direction, _ peers: String?, _ option: String) throws
            -> [PolicyRule]
        {
            try texts.map { try PolicyRuleText.rule($0, direction, peers: peers.map { [$0] } ?? [], field: option) }
        }
        if !allow.isEmpty { policy.ingress = try rules(allow, .ingress, from, "--allow") }
        if !allowOut.isEmpty { policy.egress = try rules(allowOut, .egress, to, "--allow-out") }
        if denyOut { policy.egress = [] }
        try Self.remove(remove, from: &policy.ingress, "--remove")
        if !removeOut.isEmpty {
            var egress = policy.egress ?? []
            try Self.remove(removeOut, from: &egress, "--remove-out")
            policy.egress = egress
        }
        policy.ingress += try rules(add, .ingress, from, "--add")
        if !addOut.isEmpty { policy.egress = try (policy.egress ?? []) + rules(addOut, .egress, to, "--add-out") }
        return try JSONParser.parse(policy.json)
    }

    private static func remove(_ numbers: [Int], from rules: inout [PolicyRule], _ option: String) throws {
        for number in numbers where !rules.indices.contains(number - 1) {
            throw ValidationError("\(option) \(number): the rules there are numbered 1 to \(rules.count)")
        }
        for number in Set(numbers).sorted(by: >) { rules.remove(at: number - 1) }
    }

    static let columns: [Column] = [
        .name,
        Column("in") { document, names in
            .init(Column.abridged(texts(document, .ingress, names) ?? [], separator: "; "))
        },
        Column("out") { document, names in
            .init(
                texts(document, .egress, names).map { $0.isEmpty ? "nothing" : Column.abridged($0, separator: "; ") }
                    ?? "everything")
        },
        .labels, .id,
    ]

    /// The rules in lines; nil where there is no list of them.
    private static func texts(_ document: ResourceDocument, _ direction: PolicyRule.Direction, _ names: NameIndex)
        -> [String]?
    {
        let policy: Policy.Spec
        do { policy = try Policy.Spec(json: document.spec ?? .object([]), path: "spec") } catch {
            // Of a newer server: it is there, and cannot be read here.
            return ["(not understood: \(error.rule))"]
        }
        let rules = direction == .ingress ? policy.ingress : policy.egress
        return rules?.map { PolicyRuleText.text($0, direction) { names.name($0) } }
    }

    static let builtIn: [(name: String, cells: [String: String])] = BuiltInPolicy.allCases.map { builtIn in
        (builtIn.rawValue, ["name": builtIn.rawValue, "in": builtIn.inward, "out": "everything", "labels": "built in"])
    }

    static func details(_ document: ResourceDocument, _ names: NameIndex) -> [String] {
        var lines: [String] = []
        for (title, direction) in [("may come in", PolicyRule.Direction.ingress), ("may leave", .egress)] {
            guard let rules = texts(document, direction, names) else {
                lines.append("\(title): everything")
                continue
            }
            lines.append("\(title):" + (rules.isEmpty ? " nothing but replies and the ICMPv6 of RFC 4890" : ""))
            for (index, rule) in rules.enumerated() { lines.append("  \(index + 1)  \(rule)") }
        }
        return lines
    }
}

extension BuiltInPolicy {
    fileprivate var inward: String {
        switch self {
        case .allowAll: "everything"
        case .allowSegment: "members of the segment"
        case .denyIn: ""
        }
    }
}
