/// A condition on labels: `env=prod,tier!=db,zone in (a,b),!draft,owner` (all must hold).
package struct Selector: Hashable, Sendable {
    package enum Requirement: Hashable, Sendable {
        case equals(String, String)
        /// Holds also when the label is absent.
        case differs(String, String)
        case oneOf(String, Set<String>)
        /// Holds also when the label is absent.
        case noneOf(String, Set<String>)
        case exists(String)
        case absent(String)
    }

    package let requirements: [Requirement]

    package static let maximumLength = 1024

    package func matches(_ labels: Labels) -> Bool {
        requirements.allSatisfy { requirement in
            switch requirement {
            case .equals(let key, let value): labels[key] == value
            case .differs(let key, let value): labels[key] != value
            case .oneOf(let key, let values): labels[key].map(values.contains) ?? false
            case .noneOf(let key, let values): labels[key].map { !values.contains($0) } ?? true
            case .exists(let key): labels[key] != nil
            case .absent(let key): labels[key] == nil
            }
        }
    }

    /// - Throws: `FieldError` on field "selector" that shows the term it could not read.
    package init(parsing text: String) throws(FieldError) {
        guard text.utf8.count <= Self.maximumLength else {
            throw FieldError(field: "selector", value: text, rule: "must be at most \(Self.maximumLength) bytes")
        }
        var requirements: [Requirement] = []
        for term in Self.terms(text) { requirements.append(try Self.requirement(term)) }
        self.requirements = requirements
    }

    /// What `parsing` reads, in the shortest form.
    package var text: String {
        func list(_ values: Set<String>) -> String { "(" + values.sorted().joined(separator: ",") + ")" }
        return requirements.map { requirement in
            switch requirement {
            case .equals(let key, let value): "\(key)=\(value)"
            case .differs(let key, let value): "\(key)!=\(value)"
            case .oneOf(let key, let values): "\(key) in\(list(values))"
            case .noneOf(let key, let values): "\(key) notin\(list(values))"
            case .exists(let key): key
            case .absent(let key): "!\(key)"
            }
        }.joined(separator: ",")
    }

    /// Cuts at commas outside parentheses.
    private static func terms(_ text: String) -> [Substring] {
        var terms: [Substring] = []
        var start = text.startIndex
        var depth = 0
        for index in text.indices {
            switch text[index] {
            case "(": depth += 1
            case ")": depth -= 1
            case "," where depth == 0:
                terms.append(text[start..<index])
                start = text.index(after: index)
            default: break
            }
        }
        terms.append(text[start...])
        return terms
    }

    private static func requirement(_ term: Substring) throws(FieldError) -> Requirement {
        func refuse() -> FieldError {
            FieldError(
                field: "selector", value: String(term),
                rule: "must be terms like key=value, key!=value, key in (a,b), key notin (a,b), key or !key")
        }
        func word(_ text: some StringProtocol, empty: Bool = false) throws(FieldError) -> String {
            let trimmed = text.drop { $0 == " " }
            let end = trimmed.lastIndex { $0 != " " }
            let core = end.map { String(trimmed[...$0]) } ?? ""
            guard Labels.isWord(core), empty || !core.isEmpty else { throw refuse() }
            return core
        }
        if let range = term.firstRange(of: "!=") {
            return .differs(try word(term[..<range.lowerBound]), try word(term[range.upperBound...], empty: true))
        }
        if let range = term.firstRange(of: "==") ?? term.firstRange(of: "=") {
            return .equals(try word(term[..<range.lowerBound]), try word(term[range.upperBound...], empty: true))
        }
        if let open = term.firstIndex(of: "(") {
            guard let close = term.lastIndex(of: ")"), term[term.index(after: close)...].allSatisfy({ $0 == " " })
            else { throw refuse() }
            var values: Set<String> = []
            for value in term[term.index(after: open)..<close].split(separator: ",", omittingEmptySubsequences: false) {
                values.insert(try word(value))
            }
            let head = term[..<open].split(separator: " ")
            guard head.count == 2 else { throw refuse() }
            switch head[1] {
            case "in": return .oneOf(try word(head[0]), values)
            case "notin": return .noneOf(try word(head[0]), values)
            default: throw refuse()
            }
        }
        let bare = term.drop { $0 == " " }
        return bare.first == "!" ? .absent(try word(bare.dropFirst())) : .exists(try word(bare))
    }
}
