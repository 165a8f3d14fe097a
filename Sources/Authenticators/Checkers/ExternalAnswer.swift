import Persistence
package import Resources

/// What somebody outside is asked, and what it may say.
enum ExternalAnswer {
    static func verdict(_ bytes: [UInt8], of source: String) throws(CheckerFailure) -> Verdict {
        do {
            var reader = try FieldReader(try JSONParser.parse(bytes), path: "")
            let allow = try reader.optional("allow", as: Allowed.self)
            let reason = try reader.optional("deny", as: String.self)
            let isPassed = try reader.optional("pass", as: Bool.self)
            try reader.finish()
            switch (allow, reason, isPassed) {
            case (let allow?, nil, nil): return .allow(.identity(allow.identity))
            case (nil, let reason?, nil): return .deny(String(decoding: reason.utf8.prefix(200), as: UTF8.self))
            case (nil, nil, true?): return .pass
            default: throw FieldError(field: "(document)", rule: "must have one of allow, deny, and pass (true)")
            }
        } catch { throw CheckerFailure(source, "its answer is none: \(error)") }
    }

    private struct Allowed: JSONReadable {
        var identity: Identity

        init(json node: JSONNode, path: String) throws(FieldError) {
            var reader = try FieldReader(node, path: path)
            let name = try reader.required("name", as: String.self)
            guard (1...255).contains(name.utf8.count), name.unicodeScalars.allSatisfy({ $0.value >= 0x20 }) else {
                throw FieldError(field: path + ".name", rule: "must be 1 to 255 bytes without control characters")
            }
            let expires = try reader.optional("expires", as: Timestamp.self)
            identity = Identity(name: "user/\(name)", grants: try Grants(from: &reader), expires: expires)
            try reader.finish()
        }
    }
}

extension CheckedRequest {
    /// The question.
    var json: [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("authorization", authorization)
            writer.member("method", method)
            writer.member("path", path)
            writer.member("project", project)
            switch peer {
            case .unix(let user): writer.member("peer", "unix/\(user)")
            case .tcp(let address): writer.member("peer", address)
            }
        }
        return writer.bytes
    }
}

extension Grants: JSONReadable {
    /// `{"everywhere": ROLE, "projects": {NAME-OR-ID: ROLE}}`, one of them at least.
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        try self.init(from: &reader)
        try reader.finish()
    }

    init(from reader: inout FieldReader) throws(FieldError) {
        func role(_ text: String, _ field: String) throws(FieldError) -> Role {
            guard let role = Role(rawValue: text) else {
                throw FieldError(
                    field: field, value: text,
                    rule: "must be one of \(Role.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            return role
        }
        let everywhere = try reader.optional("everywhere", as: String.self)
        let projects = try reader.optional("projects", as: [String: String].self) ?? [:]
        guard everywhere != nil || !projects.isEmpty else {
            throw FieldError(field: reader.path(of: "projects"), rule: "is required, or 'everywhere'")
        }
        self.init()
        if let everywhere { self.everywhere = try role(everywhere, reader.path(of: "everywhere")) }
        for (name, text) in projects {
            let field = reader.path(of: "projects") + "." + name.prefix(64)
            guard Name(name) != nil || ResourceID(name) != nil else {
                throw FieldError(field: field, rule: "must be the name or the id of a project")
            }
            self.projects[ResourceID(name)?.description ?? name] = try role(text, field)
        }
    }
}
