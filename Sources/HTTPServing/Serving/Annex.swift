package import HTTPTypes
package import NIOCore
package import Persistence
package import Resources

/// Paths below a prefix that another service serves: requests are handed on once it is known who asks, and answers come
/// back as they are made. What the paths mean is not known here.
package protocol Annex: Sendable {
    /// Like `/compute`: paths below it are the other's.
    var prefix: String { get }
    /// The largest body of a request that is handed on, in bytes.
    var maximumBody: Int { get }
    func respond(to request: AnnexRequest) async throws(Problem) -> AnnexResponse
}

/// A request on its way through.
package struct AnnexRequest: Sendable {
    package let method: HTTPRequest.Method
    /// Path and query, as the client wrote them.
    package let target: String
    /// All that the client sent.
    package let headers: HTTPFields
    /// The whole of it: it is the client's connection that it comes from, and nobody reads on there while an answer that
    /// came early is written.
    package let body: [UInt8]
    package let principal: Principal
    /// Names the request in the logs of both.
    package let id: String
}

/// What came back.
package struct AnnexResponse: Sendable {
    package typealias Body = any AsyncSequence<ByteBuffer, any Error> & Sendable

    package let status: HTTPResponse.Status
    package let headers: HTTPFields
    /// Read as fast as the client takes it, no faster.
    package let body: Body
    /// Goes on with the body as long as it may.
    var ongoing: Ongoing?

    typealias Ongoing = @Sendable (_ body: () async throws -> Void) async throws -> Void

    package init(status: HTTPResponse.Status, headers: HTTPFields, body: Body) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// Whether it may last: who asked is then asked for again and again.
    var isOpenEnded: Bool {
        headers[.contentLength].flatMap { UInt64($0) }.map { $0 > Self.short } ?? (status.kind == .successful)
    }

    /// In bytes.
    private static let short: UInt64 = 1 << 20
}
