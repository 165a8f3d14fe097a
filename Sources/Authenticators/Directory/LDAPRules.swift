import Resources

/// Where in a directory users and groups are, as the file of checkers says it.
struct LDAPRules: Sendable {
    enum Users: Sendable {
        /// What comes before and after the name.
        case template(before: String, after: String)
        case search(base: String, attribute: String, objectClass: String?)
    }

    struct Groups: Sendable {
        /// The groups are entries right below it.
        var base: String
        /// Whose value is the member.
        var member: String
        /// Whether that is the member's distinguished name, or else the name that was given.
        var isByDN: Bool
        /// Whose value is the group's name in `grants`.
        var attribute: String
        var objectClass: String?
        var grants: [String: Grants]
    }

    /// Whom searches are made as; without one by nobody for users, and by the user for groups.
    struct Account: Sendable {
        var name: String
        var passwordFile: String
    }

    var users: Users
    var groups: Groups?
    var account: Account?
    var grants: [String: Grants]

    init(from reader: inout FieldReader) throws(FieldError) {
        users = try reader.required("users")
        groups = try reader.optional("groups")
        account = try reader.optional("bind")
        grants = try reader.optional("grants") ?? [:]
        guard groups != nil || !grants.isEmpty else {
            throw FieldError(field: reader.path(of: "groups"), rule: "is required, or 'grants'")
        }
    }

    static func isName(_ name: String) -> Bool {
        (1...256).contains(name.utf8.count) && name.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f }
    }

    /// Whether there is one way to write the name. To a directory `Eva`, ` eva` and `eva` are one user, at whom nobody may
    /// guess thrice as often; where its entry cannot be looked at, only the last one is taken.
    static func isSpelledOneWay(_ name: String) -> Bool {
        name.utf8.allSatisfy { (0x21...0x7e).contains($0) && !(UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }
    }
}

extension LDAPRules.Users: JSONReadable {
    init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        if let template = try reader.optional("template", as: String.self) {
            try reader.finish()
            let parts = template.split(separator: "{name}", omittingEmptySubsequences: false)
            guard parts.count == 2, parts[0].hasSuffix("="), LDAPText.isPlain(template) else {
                throw FieldError(
                    field: path + ".template", value: String(template.prefix(200)),
                    rule: "must be a distinguished name with {name} once, as in uid={name},ou=people,dc=example,dc=org")
            }
            self = .template(before: String(parts[0]), after: String(parts[1]))
            return
        }
        let base = try reader.distinguishedName("base")
        let attribute = try reader.attribute("attribute", standard: "uid")
        self = .search(base: base, attribute: attribute, objectClass: try reader.objectClass())
        try reader.finish()
    }
}

extension LDAPRules.Groups: JSONReadable {
    init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        base = try reader.distinguishedName("base")
        member = try reader.attribute("member", standard: "member")
        let by = try reader.optional("memberIs", as: String.self) ?? "dn"
        guard by == "dn" || by == "name" else {
            throw FieldError(field: path + ".memberIs", value: String(by.prefix(64)), rule: "must be dn or name")
        }
        isByDN = by == "dn"
        attribute = try reader.attribute("name", standard: "cn")
        objectClass = try reader.objectClass()
        grants = try reader.required("grants")
        try reader.finish()
    }
}

extension LDAPRules.Account: JSONReadable {
    init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        name = try reader.distinguishedName("dn")
        passwordFile = try reader.required("passwordFile")
        guard passwordFile.hasPrefix("/") else {
            throw FieldError(field: path + ".passwordFile", value: passwordFile, rule: "must be an absolute path")
        }
        try reader.finish()
    }
}

/// Text for a directory.
enum LDAPText {
    /// RFC 4514 section 2.4: a value within a distinguished name. All but letters and digits of ASCII are escaped as pairs of
    /// hexadecimal digits, which may stand for any octet.
    static func escaped(_ value: String) -> String {
        let digits = Array("0123456789abcdef".unicodeScalars)
        var text = String.UnicodeScalarView()
        for byte in value.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                text.append(Unicode.Scalar(byte))
            default: text.append(contentsOf: ["\\", digits[Int(byte >> 4)], digits[Int(byte & 15)]])
            }
        }
        return String(text)
    }

    static func isPlain(_ text: String) -> Bool {
        (1...1024).contains(text.utf8.count) && text.unicodeScalars.allSatisfy { $0.value >= 0x20 }
    }

    /// RFC 4512 section 2.5: a name or an object identifier, without options.
    static func isAttribute(_ text: String) -> Bool {
        (1...128).contains(text.utf8.count)
            && text.unicodeScalars.allSatisfy {
                $0.isASCII && ($0.properties.isAlphabetic || $0.properties.numericType != nil || $0 == "-" || $0 == ".")
            }
    }
}

extension FieldReader {
    fileprivate mutating func distinguishedName(_ name: String) throws(FieldError) -> String {
        let text = try required(name, as: String.self)
        guard LDAPText.isPlain(text), text.contains("=") else {
            throw FieldError(
                field: path(of: name), value: String(text.prefix(200)),
                rule: "must be a distinguished name, as in ou=people,dc=example,dc=org")
        }
        return text
    }

    fileprivate mutating func attribute(_ name: String, standard: String) throws(FieldError) -> String {
        let text = try optional(name) ?? standard
        guard LDAPText.isAttribute(text) else {
            throw FieldError(
                field: path(of: name), value: String(text.prefix(200)), rule: "must be the name of an attribute")
        }
        return text
    }

    fileprivate mutating func objectClass() throws(FieldError) -> String? {
        guard let text = try optional("class", as: String.self) else { return nil }
        guard LDAPText.isAttribute(text) else {
            throw FieldError(
                field: path(of: "class"), value: String(text.prefix(200)), rule: "must be the name of an object class")
        }
        return text
    }
}
