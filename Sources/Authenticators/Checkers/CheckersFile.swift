import Persistence
import Resources

/// The file that says who else is let in beside KC's own tokens: `{"checkers": [{"type": …}, …]}`, asked in their order.
package enum CheckersFile {
    /// - Parameter report: is told what a checker could not read or run later, while it serves.
    /// - Throws: with the field and its line.
    package static func load(
        _ path: String, report: @escaping @Sendable (CheckerFailure) -> Void
    ) throws(CheckerFailure) -> [CheckerChain.Link] {
        let bytes = try SmallFile.read(path)
        let document: JSONNode
        do { document = try JSONParser.parse(bytes) } catch {
            throw CheckerFailure(path, line: error.line(in: bytes), error.rule)
        }
        do {
            var reader = try FieldReader(document, path: "")
            guard case .array(let nodes)? = reader.node("checkers")?.content else {
                throw FieldError(field: "checkers", rule: "is required, as an array")
            }
            try reader.finish()
            var links: [CheckerChain.Link] = []
            for (index, node) in nodes.enumerated() {
                links.append(try link(node, "checkers[\(index)]", report))
            }
            return links
        } catch let error as FieldError {
            throw CheckerFailure(path, line: line(of: error.field, in: document, bytes), error.description)
        } catch let failure as CheckerFailure {
            throw failure
        } catch { throw CheckerFailure(path, "\(error)") }
    }

    private static func link(
        _ node: JSONNode, _ path: String, _ report: @escaping @Sendable (CheckerFailure) -> Void
    ) throws -> CheckerChain.Link {
        var reader = try FieldReader(node, path: path)
        let type = try reader.required("type", as: String.self)
        let link: CheckerChain.Link
        switch type {
        case "htpasswd":
            let checker = try HtpasswdChecker(
                path: try reader.required("file"), grants: try reader.required("grants"), report: report)
            link = CheckerChain.Link(checker, memory: .seconds(30))
        case "totp":
            let checker = try OneTimeChecker(
                path: try reader.required("file"), realms: try reader.optional("realms") ?? [],
                grants: try reader.required("grants"), report: report)
            // A code is good for one look; who was let in with it stays in for a while.
            link = CheckerChain.Link(checker, memory: .seconds(300))
        case "jwt":
            let rules = JWTChecker.Rules(
                issuer: try reader.required("issuer"), audience: try reader.required("audience"),
                claim: try reader.optional("grantsClaim"), grants: try reader.optional("grants") ?? [:])
            let checker = try JWTChecker(path: try reader.required("jwks"), rules: rules, report: report)
            link = CheckerChain.Link(checker, memory: .seconds(30), isGuessable: false)
        case "program":
            let file = try reader.required("path", as: String.self)
            guard file.hasPrefix("/") else {
                throw FieldError(field: path + ".path", value: file, rule: "must be an absolute path")
            }
            let checker = ProgramChecker(
                path: file, arguments: try reader.optional("arguments") ?? [],
                patience: .seconds(try number("timeoutSeconds", 1...30, 5, &reader)), report: report)
            link = CheckerChain.Link(
                checker, memory: .seconds(try number("cacheSeconds", 0...3600, 30, &reader)), looksAtRequest: true)
        case "http":
            let url = try reader.required("url", as: String.self)
            guard HTTPChecker.isAskable(url) else {
                throw FieldError(field: path + ".url", value: String(url.prefix(200)), rule: HTTPChecker.rule)
            }
            let checker = try HTTPChecker(
                url: url, ca: try reader.optional("ca"),
                patience: .seconds(try number("timeoutSeconds", 1...30, 5, &reader)), report: report)
            link = CheckerChain.Link(
                checker, memory: .seconds(try number("cacheSeconds", 0...3600, 30, &reader)), looksAtRequest: true)
        case "ldap":
            let checker = try LDAPChecker(
                from: &reader, patience: .seconds(try number("timeoutSeconds", 1...30, 5, &reader)), report: report)
            link = CheckerChain.Link(checker, memory: .seconds(try number("cacheSeconds", 0...3600, 30, &reader)))
        case "certificate":
            let text = try reader.required("name", as: String.self)
            guard let field = CertificateChecker.Field(rawValue: text) else {
                throw FieldError(
                    field: path + ".name", value: text,
                    rule: "must be one of " + CertificateChecker.Field.allCases.map(\.rawValue).joined(separator: ", "))
            }
            let checker = try CertificateChecker(
                path: try reader.required("ca"), field: field, grants: try reader.required("grants"), report: report)
            link = CheckerChain.Link(checker, isGuessable: false, looksAtCertificates: true)
        default:
            throw FieldError(
                field: path + ".type", value: type,
                rule: "must be one of htpasswd, totp, ldap, jwt, program, http, certificate")
        }
        try reader.finish()
        return link
    }

    private static func number(
        _ name: String, _ range: ClosedRange<Int>, _ standard: Int, _ reader: inout FieldReader
    ) throws(FieldError) -> Int {
        let number = try reader.optional(name, as: Int.self) ?? standard
        guard range.contains(number) else {
            throw FieldError(
                field: reader.path(of: name), value: "\(number)",
                rule: "must be from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// Where the field stands, or the nearest thing around it.
    private static func line(of field: String, in document: JSONNode, _ bytes: [UInt8]) -> Int {
        var node = document
        for part in field.split(whereSeparator: { $0 == "." || $0 == "[" || $0 == "]" }) {
            if case .array(let nodes) = node.content, let index = Int(part), nodes.indices.contains(index) {
                node = nodes[index]
            } else if let member = node[String(part)] {
                node = member
            } else {
                break
            }
        }
        return 1 + bytes[..<node.raw.startIndex].count { $0 == 0x0a }
    }
}
