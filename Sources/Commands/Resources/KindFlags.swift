package import APIClient
package import ArgumentParser
package import Documents
package import Resources

/// A kind as its commands see it: the flags that write its spec, and the columns that show it.
package protocol KindFlags: ParsableArguments, Sendable {
    static var description: KindDescription { get }
    static var abstract: String { get }
    static var columns: [Column] { get }
    /// The phases that `--wait` waits for, the usual one first; none for a kind without phases.
    static var settledPhases: [String] { get }
    /// What `--wait` waits for with this document, in a word; nil for a kind that has nothing to wait for.
    static func aim(_ document: ResourceDocument) -> String?
    /// How far it is on the way there.
    static func progress(_ document: ResourceDocument) -> Progress
    /// What stands for the kind after the program's name, and its other names there.
    static var command: String { get }
    static var aliases: [String] { get }
    /// Documents with what other resources tell of them, for showing.
    static func completed(_ documents: [ResourceDocument], _ session: Session) async throws -> [ResourceDocument]
    /// The verbs that it shares with other kinds.
    static var commonCommands: [any ParsableCommand.Type] { get }
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
    package static var settledPhases: [String] { [] }
    package static func completed(
        _ documents: [ResourceDocument], _ session: Session
    ) async throws -> [ResourceDocument] { documents }
    package static var commonCommands: [any ParsableCommand.Type] {
        [CreateCommand<Self>.self, ListCommand<Self>.self, ShowCommand<Self>.self, UpdateCommand<Self>.self]
            + laterCommands
    }
    /// Those for what is there.
    package static var laterCommands: [any ParsableCommand.Type] {
        [
            DeleteCommand<Self>.self, WatchCommand<Self>.self, HistoryCommand<Self>.self, DiffCommand<Self>.self,
            RestoreCommand<Self>.self,
        ]
    }
    package static var furtherCommands: [any ParsableCommand.Type] { [] }
    package static var command: String { description.kind.singular }
    package static var aliases: [String] { [description.kind.plural] }
    package static func aim(_ document: ResourceDocument) -> String? { settledPhases.first }
    package static func progress(_ document: ResourceDocument) -> Progress {
        let phase = document.phase ?? "without a phase"
        if settledPhases.contains(phase) { return .settled }
        if phase == "unfit" { return .hopeless("unfit: \(document.message ?? "")") }
        return .underWay("\(phase)\(document.message.map { ": \($0)" } ?? "")")
    }
    package static func advice(_ document: ResourceDocument) -> [String] { [] }
    package static var builtIn: [(name: String, cells: [String: String])] { [] }
    package static func details(_ document: ResourceDocument, _ names: NameIndex) -> [String] { [] }

    package static func described(_ kind: KindName) -> KindDescription {
        guard let description = Program.current.kinds.named(kind.singular) else {
            // A kind of this program that its list of kinds lacks: the programmer's mistake.
            preconditionFailure("the kind \(kind) has no description")
        }
        return description
    }
}

/// How far a resource is on its way to what it shall be.
package enum Progress: Sendable, Hashable {
    case settled
    /// With what it waits for.
    case underWay(String)
    /// With why it never comes there.
    case hopeless(String)
}

/// One column of a kind's table.
package struct Column: Sendable {
    package let title: String
    /// Only with `--output wide`.
    package var isWide = false
    package let cell: @Sendable (ResourceDocument, NameIndex) -> Table.Cell

    package init(
        _ title: String, wide: Bool = false, _ cell: @escaping @Sendable (ResourceDocument, NameIndex) -> Table.Cell
    ) {
        self.title = title
        isWide = wide
        self.cell = cell
    }

    package static let name = Column("name") { document, _ in .init(document.name.text) }
    package static let id = Column("id", wide: true) { document, _ in .init(document.id.description, .quiet) }

    package static let labels = Column("labels", wide: true) { document, _ in
        .init(document.labels.values.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ","))
    }

    /// The phase with its colour; of a host that is paused, that too.
    package static let phase = Column("phase") { document, _ in
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

    package static let message = Column("message", wide: true) { document, _ in .init(document.message ?? "") }

    /// A member of `spec` or `status`, as it stands; "uplink.type" is a member of a member.
    package static func spec(_ title: String, _ member: String, wide: Bool = false) -> Column {
        Column(title, wide: wide) { document, names in .init(text(Self.member(member, of: document.spec), names)) }
    }

    package static func status(_ title: String, _ member: String, wide: Bool = false) -> Column {
        Column(title, wide: wide) { document, names in .init(text(Self.member(member, of: document.status), names)) }
    }

    private static func member(_ path: String, of node: JSONNode?) -> JSONNode? {
        path.split(separator: ".").reduce(node) { $0?[String($1)] }
    }

    /// Texts that are ids become names; lists are joined by commas.
    package static func text(_ node: JSONNode?, _ names: NameIndex) -> String {
        guard let node else { return "" }
        if case .array(let nodes) = node.content { return nodes.map { text($0, names) }.joined(separator: ",") }
        return names.name(node.displayText)
    }

    /// As many of a long list as a line of a table takes, 120 characters; `show` has them all.
    package static func abridged(_ list: [String], separator: String = ",") -> String {
        var line = list.first ?? ""
        for (index, text) in list.enumerated().dropFirst() {
            guard line.count + separator.count + text.count <= 120 else {
                return "\(line)\(separator)… \(list.count - index) more"
            }
            line += separator + text
        }
        return line
    }
}

/// Setting members of a spec from flags.
extension JSONNode {
    package func setting(_ name: String, text: String?) -> JSONNode {
        text.map { setting(name, to: .string($0)) } ?? self
    }
    package func setting(_ name: String, number: (some BinaryInteger)?) -> JSONNode {
        number.map { setting(name, to: JSONNode(.number(String($0)))) } ?? self
    }
    package func setting(_ name: String, flag: Bool?) -> JSONNode {
        flag.map { setting(name, to: JSONNode(.bool($0))) } ?? self
    }
    /// An empty list means that the flag was not given.
    package func setting(_ name: String, texts: [String]) -> JSONNode {
        texts.isEmpty ? self : setting(name, to: JSONNode(.array(texts.map(JSONNode.string))))
    }
}
