import APIClient
import ArgumentParser
import Documents
import Resources

/// A kind as its commands see it: the flags that write its spec, and the columns that show it.
protocol KindFlags: ParsableArguments, Sendable {
    static var description: KindDescription { get }
    static var abstract: String { get }
    static var columns: [Column] { get }
    /// The phases that `--wait` waits for, the usual one first; none for a kind without phases.
    static var settledPhases: [String] { get }
    /// Verbs that only this kind has.
    static var furtherCommands: [any ParsableCommand.Type] { get }
    /// The spec with what the flags say set in it.
    func edit(_ spec: JSONNode) throws -> JSONNode
    /// What to show after creating one, for a person.
    static func advice(_ document: ResourceDocument) -> [String]
    /// What is always there and is no resource: its name, and its cells by the titles of columns.
    static var builtIn: [(name: String, cells: [String: String])] { get }
    /// Lines of `show` in the place of the plain fields of `spec`.
    static func details(_ document: ResourceDocument, _ names: NameIndex) -> [String]
}

extension KindFlags {
    static var settledPhases: [String] { [] }
    static var furtherCommands: [any ParsableCommand.Type] { [] }
    static func advice(_ document: ResourceDocument) -> [String] { [] }
    static var builtIn: [(name: String, cells: [String: String])] { [] }
    static func details(_ document: ResourceDocument, _ names: NameIndex) -> [String] { [] }

    static func described(_ kind: KindName) -> KindDescription {
        guard let description = KindDescription.named(kind.singular) else {
            // A kind of this program that the list of all kinds lacks: the programmer's mistake.
            preconditionFailure("the kind \(kind) has no description")
        }
        return description
    }
}

/// One column of a kind's table.
struct Column: Sendable {
    let title: String
    /// Only with `--output wide`.
    var isWide = false
    let cell: @Sendable (ResourceDocument, NameIndex) -> Table.Cell

    init(_ title: String, wide: Bool = false, _ cell: @escaping @Sendable (ResourceDocument, NameIndex) -> Table.Cell) {
        self.title = title
        isWide = wide
        self.cell = cell
    }

    static let name = Column("name") { document, _ in .init(document.name.text) }
    static let id = Column("id", wide: true) { document, _ in .init(document.id.description, .quiet) }

    static let labels = Column("labels", wide: true) { document, _ in
        .init(document.labels.values.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ","))
    }

    /// The phase with its colour; of a host that is paused, that too.
    static let phase = Column("phase") { document, _ in
        let phase = document.phase ?? "-"
        if case .bool(true)? = document.spec?["paused"]?.content { return .init("\(phase), paused", .waiting) }
        let tone: Table.Tone =
            switch phase {
            case "wired", "up": .good
            case "pending", "never-seen": .waiting
            case "unfit", "failed", "down": .bad
            default: .plain
            }
        return .init(phase, tone)
    }

    static let message = Column("message", wide: true) { document, _ in .init(document.message ?? "") }

    /// A member of `spec` or `status`, as it stands; "uplink.type" is a member of a member.
    static func spec(_ title: String, _ member: String, wide: Bool = false) -> Column {
        Column(title, wide: wide) { document, names in .init(text(Self.member(member, of: document.spec), names)) }
    }

    static func status(_ title: String, _ member: String, wide: Bool = false) -> Column {
        Column(title, wide: wide) { document, names in .init(text(Self.member(member, of: document.status), names)) }
    }

    private static func member(_ path: String, of node: JSONNode?) -> JSONNode? {
        path.split(separator: ".").reduce(node) { $0?[String($1)] }
    }

    /// Texts that are ids become names; lists are joined by commas.
    static func text(_ node: JSONNode?, _ names: NameIndex) -> String {
        guard let node else { return "" }
        if case .array(let nodes) = node.content { return nodes.map { text($0, names) }.joined(separator: ",") }
        return names.name(node.displayText)
    }
}

/// Setting members of a spec from flags.
extension JSONNode {
    func setting(_ name: String, text: String?) -> JSONNode { text.map { setting(name, to: .string($0)) } ?? self }
    func setting(_ name: String, number: (some BinaryInteger)?) -> JSONNode {
        number.map { setting(name, to: JSONNode(.number(String($0)))) } ?? self
    }
    func setting(_ name: String, flag: Bool?) -> JSONNode {
        flag.map { setting(name, to: JSONNode(.bool($0))) } ?? self
    }
    /// An empty list means that the flag was not given.
    func setting(_ name: String, texts: [String]) -> JSONNode {
        texts.isEmpty ? self : setting(name, to: JSONNode(.array(texts.map(JSONNode.string))))
    }
}
