import HTTPTypes
import Hummingbird
import NetworkModel
import NetworkService
import Persistence
import Resources

/// One operation of the API: how it is found, who may call it, what it takes and gives, and what it does.
///
/// The same values serve requests and make the OpenAPI document, so that the two cannot differ.
struct Route: Sendable {
    var method: HTTPRequest.Method
    /// `/v1/projects/{project}/segments/{item}`: a name in braces stands for one segment of the path.
    var path: String
    /// Unique; the OpenAPI `operationId`.
    var operation: String
    var summary: String
    var access: Access
    var parameters: [Parameter] = []
    /// The schema of the body; nil when none is read.
    var body: Schema?
    /// The largest body, in bytes.
    var maximumBody = 1 << 20
    /// What it answers when all goes well.
    var status: HTTPResponse.Status = .ok
    var answer: Schema?
    /// The answer's media type.
    var mediaType = "application/json"
    var handle: @Sendable (RouteRequest) async throws(Problem) -> Answer

    enum Access: Sendable {
        case anyone
        /// Whoever has proved who he is.
        case authenticated
        /// Who is admin over all projects.
        case administrator
        /// Who has a role over all projects that shows what concerns them all, or (for other verbs) changes it.
        case cluster(Verb)
        /// Who may do that with the kind in the project of the path, and know of its item if the path names one.
        case kind(Kind, Verb)
        /// Each operation of a batch is judged by itself.
        case eachOperation
        /// The host that the path names, and the administrator.
        case hostItself
        /// The holder of a join token, and the administrator.
        case joining
    }
}

/// A query parameter or header.
struct Parameter: Sendable {
    enum Place: String, Sendable { case query, header }
    var place = Place.query
    var name: String
    var summary: String
    var schema: Schema

    static let minRevision = Parameter(
        name: "minRevision",
        summary: "Wait until the server shows at least this revision of the store (504 after 5 s).",
        schema: .revision)
    static let consistent = Parameter(
        name: "consistent", summary: "Show everything that was acknowledged anywhere before this request.",
        schema: .boolean)
    static let selector = Parameter(
        name: "selector", summary: "Only resources whose labels match, as in `env=prod,tier!=db,zone in (a,b),!draft`.",
        schema: .selector)
    static let limit = Parameter(name: "limit", summary: "Items on a page, 500 by default.", schema: .pageSize)
    static let `continue` = Parameter(
        name: "continue", summary: "Where the page begins: `continue` of the page before.", schema: .text(200))
    static let watch = Parameter(
        name: "watch", summary: "Answer with a stream of server-sent events: put, delete, bookmark.", schema: .boolean)
    static let after = Parameter(
        name: "after", summary: "With `watch`: only changes after this revision (410 when that is too long ago).",
        schema: .revision)
    static let brief = Parameter(
        name: "brief", summary: "Answer with kind, id and name of each resource instead of the whole of it.",
        schema: .boolean)
    static let ifMatch = Parameter(
        place: .header, name: "If-Match", summary: "The ETag the client saw; 412 when the resource has changed since.",
        schema: .etag)
}

extension Parameter {
    static let desiredFormat = Parameter(
        place: .header, name: HostUpdateFormat.header, summary: "The newest format of updates that the agent reads.",
        schema: Schema(#"{"type":"integer","minimum":1,"default":1}"#))
    static let agent = Parameter(
        place: .header, name: AgentInstance.header,
        summary: "An id that the agent drew when it started, and the boot id of its machine behind a space.",
        schema: .text(100))
}

extension HTTPField.Name {
    static let desiredFormat = HTTPField.Name(HostUpdateFormat.header) ?? .accept
    static let agent = HTTPField.Name(AgentInstance.header) ?? .accept
}

/// What a handler gets.
struct RouteRequest: Sendable {
    /// The segments of the path that the route's braces stand for.
    var values: RouteValues
    var query: Query
    var headers: HTTPFields
    var body: [UInt8]
    var principal: Principal
    /// How much of what the path names is shown.
    var view: View
    /// What the path names, when it was looked up to let the request in and is new enough; nil otherwise.
    var found: Item?

    func value(_ name: String) -> String { values[name] ?? "" }

    /// The body as JSON.
    func document() throws(Problem) -> JSONNode {
        do { return try JSONParser.parse(body) } catch { throw Problem(error) }
    }
}

/// What a handler gives.
enum Answer: Sendable {
    /// `revision` is the resource's, `written` that of the store after a write.
    case json([UInt8], revision: Revision? = nil, written: Revision? = nil)
    case text([UInt8])
    case nothing(written: Revision? = nil)
    case events(EventSource)
}
