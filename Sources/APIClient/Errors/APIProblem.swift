import Resources

/// What the server answered instead of doing it (RFC 9457, application/problem+json).
package struct APIProblem: Error, Hashable, Sendable, CustomStringConvertible {
    /// The end of `type`'s `urn:kc:problem:…`: "not-found", "invalid-field". "http-<status>" when the answer was not
    /// from KC.
    package let code: String
    package let status: Int
    package let title: String
    package let detail: String?
    /// The field of the document that breaks a rule: "spec.prefix".
    package let field: String?
    package let value: String?
    package let rule: String?
    /// The request's id in the server's log.
    package let requestID: String?
    /// Of a batch: which of its operations were wrong, by their place in the request; empty otherwise.
    package private(set) var operations: [Int: APIProblem] = [:]

    package init(
        code: String, status: Int, title: String, detail: String? = nil, field: String? = nil, value: String? = nil,
        rule: String? = nil, requestID: String? = nil
    ) {
        self.code = code
        self.status = status
        self.title = title
        self.detail = detail
        self.field = field
        self.value = value
        self.rule = rule
        self.requestID = requestID
    }

    static let typePrefix = "urn:kc:problem:"

    /// Reads what it can: an answer of a proxy in between, or a broken one, still becomes a problem with its status.
    init(status: Int, reason: String, body: [UInt8], requestID: String?) {
        let node: JSONNode?
        // A body that is no JSON is no error here: the status alone then says what happened.
        do { node = try JSONParser.parse(body) } catch { node = nil }
        let type = node?["type"]?.string ?? ""
        self.init(
            code: type.hasPrefix(Self.typePrefix) ? String(type.dropFirst(Self.typePrefix.count)) : "http-\(status)",
            status: status, title: node?["title"]?.string ?? reason, detail: node?["detail"]?.string,
            field: node?["field"]?.string, value: node?["value"]?.string, rule: node?["rule"]?.string,
            requestID: node?["instance"]?.string ?? requestID)
        guard case .array(let nodes)? = node?["operations"]?.content else { return }
        for node in nodes {
            guard case .number(let text)? = node["index"]?.content, let index = Int(text) else { continue }
            var status = status
            if case .number(let text)? = node["status"]?.content { status = Int(text) ?? status }
            operations[index] = APIProblem(
                status: status, reason: reason, body: Array(node.raw), requestID: self.requestID)
        }
    }

    /// One line: the title, and the detail where it adds something.
    package var description: String {
        guard let detail, detail != title else { return title }
        return "\(title): \(detail)"
    }
}
