import HTTPTypes
import Resources

/// A problem as it goes over the wire (RFC 9457).
extension Problem {
    func document(instance: RequestID) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.members(of: self)
            writer.member("instance", instance.text)
            guard !operations.isEmpty else { return }
            writer.name("operations")
            writer.array { writer in
                for operation in operations {
                    writer.object { writer in
                        writer.member("index", operation.index)
                        writer.member("kind", operation.kind.singular)
                        writer.member("item", operation.item)
                        writer.members(of: operation.problem)
                    }
                }
            }
        }
        return writer.bytes
    }

    func headers(of document: [UInt8]) -> HTTPFields {
        var headers = HTTPFields()
        headers[.contentType] = "application/problem+json"
        headers[.contentLength] = String(document.count)
        // RFC 9110 section 10.2.3.
        if let retryAfterSeconds { headers[.retryAfter] = String(retryAfterSeconds) }
        // RFC 9110 section 15.5.17: by it a client that has everything knows that it has.
        if let wholeSize { headers[.contentRange] = "bytes */\(wholeSize)" }
        return headers
    }
}

extension JSONWriter {
    /// The members of a problem that are the same for a whole request and for one operation of a batch.
    fileprivate mutating func members(of problem: Problem) {
        member("type", "urn:kc:problem:\(problem.code.rawValue)")
        member("title", problem.code.title)
        member("status", problem.code.status)
        member("detail", problem.detail)
        member("field", problem.field)
        member("value", problem.value)
        member("rule", problem.rule)
    }
}
