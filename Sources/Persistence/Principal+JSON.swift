package import Resources

/// Who asks, as one of KC's programs tells another: strict in what it reads, since whoever believes it acts on it.
extension Principal: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        let administrator: String? = try reader.optional("administrator")
        let host: ResourceID? = try reader.optional("host")
        let joining: String? = try reader.optional("joining")
        let identity: Identity? = try reader.optional("identity")
        try reader.finish()
        switch (administrator, host, joining, identity) {
        case (let via?, nil, nil, nil): self = .administrator(via: via)
        case (nil, let id?, nil, nil): self = .host(id)
        case (nil, nil, let digest?, nil): self = .joining(tokenDigest: digest)
        case (nil, nil, nil, let identity?): self = .identity(identity)
        default:
            throw FieldError(
                field: path.isEmpty ? "(document)" : path,
                rule: "must have one of 'administrator', 'host', 'joining' and 'identity'")
        }
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            switch self {
            case .administrator(let via): writer.member("administrator", via)
            case .host(let id): writer.member("host", id)
            case .joining(let digest): writer.member("joining", digest)
            case .identity(let identity): writer.member("identity", identity)
            }
        }
    }
}

extension Identity: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        let name: String = try reader.required("name")
        let everywhere = try reader.word("everywhere", Role.self)
        var projects: [String: Role] = [:]
        for (project, word) in try reader.optional("projects", as: [String: String].self) ?? [:] {
            projects[project] = try FieldReader.word(word, Role.self, at: reader.path(of: "projects"))
        }
        var scope = Scope()
        for word in try reader.optional("verbs", as: [String].self) ?? [] {
            scope.verbs = (scope.verbs ?? []).union([
                try FieldReader.word(word, Verb.self, at: reader.path(of: "verbs"))
            ])
        }
        scope.kinds = try reader.optional("kinds", as: [String].self).map { Set($0) }
        if let text: String = try reader.optional("selector") {
            do throws(FieldError) { scope.selector = try Selector(parsing: text) } catch {
                throw FieldError(field: reader.path(of: "selector"), value: text, rule: error.rule)
            }
        }
        let isScoped: Bool = try reader.optional("scoped") ?? false
        // A scope that allows no verb must not be read as one that allows all.
        if isScoped, scope.verbs == nil, try reader.optional("noVerbs") ?? false { scope.verbs = [] }
        let expires: Timestamp? = try reader.optional("expires")
        let isToken: Bool = try reader.optional("token") ?? false
        try reader.finish()
        self.init(
            name: name, grants: Grants(everywhere: everywhere, projects: projects), scope: isScoped ? scope : nil,
            expires: expires, isToken: isToken)
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("name", name)
            writer.member("everywhere", grants.everywhere?.rawValue)
            if !grants.projects.isEmpty { writer.member("projects", grants.projects.mapValues(\.rawValue)) }
            if let scope {
                writer.member("scoped", true)
                if let verbs = scope.verbs {
                    writer.member("verbs", verbs.map(\.rawValue).sorted())
                    if verbs.isEmpty { writer.member("noVerbs", true) }
                }
                writer.member("kinds", scope.kinds?.sorted())
                writer.member("selector", scope.selector?.text)
            }
            writer.member("expires", expires)
            if isToken { writer.member("token", true) }
        }
    }
}

extension FieldReader {
    fileprivate mutating func word<Word: RawRepresentable<String> & CaseIterable>(
        _ name: String, _ type: Word.Type
    ) throws(FieldError) -> Word? {
        let text: String? = try optional(name)
        guard let text else { return nil }
        return try Self.word(text, type, at: path(of: name))
    }

    fileprivate static func word<Word: RawRepresentable<String> & CaseIterable>(
        _ text: String, _ type: Word.Type, at path: String
    ) throws(FieldError) -> Word {
        guard let word = Word(rawValue: text) else {
            let all = Word.allCases.map(\.rawValue).joined(separator: ", ")
            throw FieldError(field: path, value: text, rule: "must be one of \(all)")
        }
        return word
    }
}
