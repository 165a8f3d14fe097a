package import HTTPTypes
import Hummingbird
package import Persistence
package import Resources

/// One operation of the API: how it is found, who may call it, what it takes and gives, and what it does.
///
/// The same values serve requests and make the OpenAPI document, so that the two cannot differ.
package struct Route<Service: ServedService>: Sendable {
    package var method: HTTPRequest.Method
    /// `/v1/projects/{project}/segments/{item}`: a name in braces stands for one segment of the path.
    package var path: String
    /// Unique; the OpenAPI `operationId`.
    package var operation: String
    package var summary: String
    package var access: Service.Access
    package var parameters: [Parameter] = []
    /// The schema of the body; nil when none is read.
    package var body: Schema?
    /// The largest body, in bytes.
    package var maximumBody = 1 << 20
    /// What the handler reads to make its answer, when that is much more than a page: counted while it does, in bytes.
    package var working = 0
    /// What it answers when all goes well.
    package var status: HTTPResponse.Status = .ok
    package var answer: Schema?
    /// The answer's media type.
    package var mediaType = "application/json"
    package var handle: @Sendable (RouteRequest<Service>) async throws(Problem) -> Answer

    package init(
        method: HTTPRequest.Method, path: String, operation: String, summary: String, access: Service.Access,
        parameters: [Parameter] = [], body: Schema? = nil, maximumBody: Int = 1 << 20,
        working: Int = 0, status: HTTPResponse.Status = .ok, answer: Schema? = nil,
        mediaType: String = "application/json",
        handle: @escaping @Sendable (RouteRequest<Service>) async throws(Problem) -> Answer
    ) {
        self.method = method
        self.path = path
        self.operation = operation
        self.summary = summary
        self.access = access
        self.parameters = parameters
        self.body = body
        self.maximumBody = maximumBody
        self.working = working
        self.status = status
        self.answer = answer
        self.mediaType = mediaType
        self.handle = handle
    }
}

/// A query parameter or header.
package struct Parameter: Sendable {
    package enum Place: String, Sendable { case query, header }
    package var place = Place.query
    package var name: String
    package var summary: String
    package var schema: Schema

    package init(place: Place = .query, name: String, summary: String, schema: Schema) {
        self.place = place
        self.name = name
        self.summary = summary
        self.schema = schema
    }

    package static let minRevision = Parameter(
        name: "minRevision",
        summary: "Wait until the server shows at least this revision of the store (504 after 5 s).",
        schema: .revision)
    package static let consistent = Parameter(
        name: "consistent", summary: "Show everything that was acknowledged anywhere before this request.",
        schema: .boolean)
    package static let selector = Parameter(
        name: "selector", summary: "Only resources whose labels match, as in `env=prod,tier!=db,zone in (a,b),!draft`.",
        schema: .selector)
    package static let limit = Parameter(
        name: "limit",
        summary: "Items on a page, 500 by default; a page ends before, at 8 MiB, and `continue` says where.",
        schema: .pageSize)
    package static let `continue` = Parameter(
        name: "continue", summary: "Where the page begins: `continue` of the page before.", schema: .text(200))
    package static let watch = Parameter(
        name: "watch", summary: "Answer with a stream of server-sent events: put, delete, bookmark.", schema: .boolean)
    package static let after = Parameter(
        name: "after", summary: "With `watch`: only changes after this revision (410 when that is too long ago).",
        schema: .revision)
    package static let brief = Parameter(
        name: "brief", summary: "Answer with kind, id and name of each resource instead of the whole of it.",
        schema: .boolean)
    package static let ifMatch = Parameter(
        place: .header, name: "If-Match", summary: "The ETag the client saw; 412 when the resource has changed since.",
        schema: .etag)
}

/// What a handler gets.
package struct RouteRequest<Service: ServedService>: Sendable {
    /// The segments of the path that the route's braces stand for.
    package var values: RouteValues
    package var query: Query
    package var headers: HTTPFields
    package var body: [UInt8]
    package var principal: Principal
    /// What the request was let in to.
    package var admission: Service.Admission

    package func value(_ name: String) -> String { values[name] ?? "" }

    /// The body as JSON.
    /// - Parameter values: how many it may have.
    package func document(atMost values: Int = JSONParser.ordinaryValues) throws(Problem) -> JSONNode {
        do { return try JSONParser.parse(body, atMost: values) } catch { throw Problem(error) }
    }
}

/// What a handler gives.
package enum Answer: Sendable {
    /// `revision` is the resource's, `written` that of the store after a write.
    case json([UInt8], revision: Revision? = nil, written: Revision? = nil)
    case text([UInt8])
    case nothing(written: Revision? = nil)
    case events(EventSource)
    case bytes(ByteSource)
    /// From another service, as it came.
    case foreign(AnnexResponse)
}
