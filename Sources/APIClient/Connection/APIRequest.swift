package import Resources

/// One request, before it is sent.
package struct APIRequest: Sendable {
    package enum Method: String, Sendable {
        case get = "GET"
        case post = "POST"
        case put = "PUT"
        case delete = "DELETE"
    }

    package var method: Method
    /// The path's segments after the host, each unencoded: ["v1", "hosts", "h1"].
    package var path: [String]
    package var query: [(name: String, value: String)]
    /// JSON; nil sends no body.
    package var body: [UInt8]?
    /// The revision the resource must still have; the server refuses with `precondition-failed` otherwise.
    package var ifMatch: Revision?
    /// Further headers.
    package var headers: [(name: String, value: String)] = []
    /// Until the whole answer is there. Default 30 s: a server under load answers late rather than never.
    package var timeout: Duration

    package init(
        _ method: Method, _ path: [String], query: [(name: String, value: String)] = [], body: [UInt8]? = nil,
        ifMatch: Revision? = nil, timeout: Duration = .seconds(30)
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.body = body
        self.ifMatch = ifMatch
        self.timeout = timeout
    }

    /// Path and query as they stand in the request line.
    var target: String {
        let path = "/" + self.path.map(percentEncoded).joined(separator: "/")
        guard !query.isEmpty else { return path }
        return path + "?"
            + query.map { "\(percentEncoded($0.name))=\(percentEncoded($0.value))" }.joined(separator: "&")
    }

    /// What answers it behind the API: what stands before its version in the path; nil for the network's server.
    var service: String? { path.first.flatMap { $0 == "v1" ? nil : $0 } }

    /// For error texts: "GET /v1/hosts".
    var summary: String { "\(method.rawValue) /\(path.joined(separator: "/"))" }
}

/// A successful answer (2xx) with its whole body.
package struct APIResponse: Sendable {
    package let status: Int
    package let body: [UInt8]
    /// The store revision that the server's `KC-Revision` names: after a write, where it can be read.
    package let revision: Revision?

    /// - Throws: `APIFailure` with code `protocolViolation` when the body is not JSON.
    package func json(of request: APIRequest) throws(APIFailure) -> JSONNode {
        do { return try JSONParser.parse(body, atMost: JSONParser.largeValues) } catch {
            throw APIFailure(
                .protocolViolation, operation: request.summary, subject: "the answer", cause: "\(error)",
                advice: "check that the address is that of a KC API server of this version")
        }
    }
}
