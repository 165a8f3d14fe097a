import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import Resources

extension Response {
    init(
        _ answer: Answer, _ form: AnswerForm, channel: any Channel, patience: Duration,
        metrics: Metrics
    ) {
        var headers = HTTPFields()
        switch answer {
        case .json(let bytes, let revision, let written):
            headers.append(HTTPField(name: .contentType, value: form.mediaType))
            if let revision { headers.append(HTTPField(name: .eTag, value: "\"" + revision.description + "\"")) }
            if let written { headers.append(HTTPField(name: .revision, value: written.description)) }
            headers.append(HTTPField(name: .contentLength, value: String(bytes.count)))
            self.init(status: form.status, headers: headers, body: Self.body(bytes, on: channel, patience: patience))
        case .text(let bytes):
            headers[.contentType] = form.mediaType
            headers[.contentLength] = String(bytes.count)
            if form.mediaType.hasPrefix("text/html") { headers.append(contentsOf: Self.ofPages) }
            self.init(status: form.status, headers: headers, body: Self.body(bytes, on: channel, patience: patience))
        case .nothing(let written):
            if let written { headers[.revision] = written.description }
            self.init(status: .noContent, headers: headers)
        case .events(let source):
            headers[.contentType] = "text/event-stream"
            headers[.cacheControl] = "no-store"
            self.init(
                status: .ok, headers: headers,
                body: ResponseBody { body in
                    metrics.streamBegan()
                    defer { metrics.streamEnded() }
                    try await EventWriter.run(source, on: channel, patience: patience, into: &body)
                })
        case .bytes(let source):
            self.init(
                status: source.status, headers: source.headers,
                body: ResponseBody(contentLength: Int(clamping: source.length)) { body in
                    try await WatchedWriter.run(on: channel, patience: patience, into: &body) { writer in
                        try await source.send { try await writer.write($0) }
                    }
                })
        case .foreign(let response):
            self.init(
                status: response.status, headers: response.headers,
                body: ResponseBody { body in
                    metrics.streamBegan()
                    defer { metrics.streamEnded() }
                    try await WatchedWriter.run(on: channel, patience: patience, into: &body) { writer in
                        guard let ongoing = response.ongoing else { return try await writer.copy(response.body) }
                        try await ongoing { try await writer.copy(response.body) }
                    }
                })
        }
    }

    /// What is large is watched as it goes, and goes in pieces.
    private static func body(_ bytes: [UInt8], on channel: any Channel, patience: Duration) -> ResponseBody {
        let whole = ByteBuffer(bytes: bytes)
        guard bytes.count > Answer.small else { return ResponseBody(byteBuffer: whole) }
        return ResponseBody(contentLength: bytes.count) { body in
            try await WatchedWriter.run(on: channel, patience: patience, into: &body) { writer in
                try await writer.write(whole)
            }
        }
    }

    /// For browsers: a page has no script and takes nothing from anywhere, is in no frame of others, and is kept nowhere.
    private static let ofPages: [HTTPField] = [
        HTTPField(
            name: .contentSecurityPolicy,
            value: "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
                + "frame-ancestors 'none'"),
        HTTPField(name: .xContentTypeOptions, value: "nosniff"),
        HTTPField(name: .cacheControl, value: "no-store"),
    ]

    /// A problem document (RFC 9457).
    init(_ problem: Problem, requestID: RequestID) {
        let document = problem.document(instance: requestID)
        self.init(
            status: .init(code: problem.code.status), headers: problem.headers(of: document),
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: document)))
    }

    /// What is answered to HEAD (RFC 9110 section 9.3.2): the header of the answer to GET, with the length that its body would
    /// have, and no body, which a client would take for the beginning of the next answer.
    func headOnly() -> Response { status == .noContent ? self : createHeadResponse() }

    /// Ends the connection after this response without reading what the client still sends: after a moment, so that a
    /// client that is still writing gets to read the answer before the connection is reset.
    func closing(_ channel: any Channel) -> Response {
        var response = self
        response.headers[.connection] = "close"
        let whole = body
        response.body = ResponseBody(contentLength: body.contentLength) { writer in
            channel.eventLoop.scheduleTask(in: .milliseconds(200)) { channel.close(promise: nil) }
            try await whole.write(writer)
        }
        return response
    }
}

/// How a route answers.
struct AnswerForm: Sendable {
    var status = HTTPResponse.Status.ok
    var mediaType = "application/json"
}
