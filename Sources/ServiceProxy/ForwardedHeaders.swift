import FoundationEssentials
import HTTPServing
import HTTPTypes
import NIOHTTP1
import Persistence
import Resources

/// Which header fields go through, and which do not.
enum ForwardedHeaders {
    /// A connection's own affair (RFC 9110 section 7.6.1), and what a connection before it is not to say to one behind it.
    private static let hopByHop: Set<String> = [
        "connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te", "trailer",
        "transfer-encoding", "upgrade",
    ]

    /// Of a request everything but that, the client's credential, and whatever it says in KC's own words: who asks is what
    /// this server found, and nothing else. `Origin` was held against the client's `Host`, which ends here too.
    static func request(_ request: AnnexRequest) -> HTTPHeaders {
        let named = connectionNames(request.headers[values: .connection])
        var headers = HTTPHeaders()
        for field in request.headers {
            let name = field.name.canonicalName
            guard !hopByHop.contains(name), !named.contains(name), !name.hasPrefix("kc-"), name != "authorization",
                name != "cookie", name != "host", name != "expect", name != "x-request-id", name != "content-length",
                name != "origin"
            else { continue }
            headers.add(name: field.name.rawName, value: field.value)
        }
        headers.add(name: "Host", value: "localhost")
        headers.add(name: "X-Request-Id", value: request.id)
        headers.add(name: PrincipalHeader.name.rawName, value: PrincipalHeader.text(request.principal))
        return headers
    }

    static func response(_ headers: HTTPHeaders) -> HTTPFields {
        let named = connectionNames(headers["Connection"])
        var fields = HTTPFields()
        for (name, value) in headers {
            let lower = name.lowercased()
            // The request's id is added to every answer, by the same words.
            guard !hopByHop.contains(lower), !named.contains(lower), lower != "x-request-id", lower != "date",
                let field = HTTPField.Name(name)
            else { continue }
            fields.append(HTTPField(name: field, value: value))
        }
        return fields
    }

    private static func connectionNames(_ values: [String]) -> Set<String> {
        Set(values.flatMap { $0.split(separator: ",") }.map { $0.filter { $0 != " " && $0 != "\t" }.lowercased() })
    }
}
