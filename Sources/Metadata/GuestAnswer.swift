import ComputePlanning

/// What a guest is answered, as HTTP/1.1 has it; the connection ends with it.
package struct GuestAnswer: Hashable, Sendable {
    package var status: Int
    package var fields: [Refusal.Field]
    package var body: [UInt8]
    /// For HEAD: everything but the body.
    package var isHeadOnly = false

    init(_ page: MetadataPage) {
        status = 200
        fields = [.init(name: "Content-Type", value: page.type.rawValue)]
        body = page.bytes
    }

    package init(_ refusal: Refusal) {
        status = refusal.status
        fields = [.init(name: "Content-Type", value: "text/plain; charset=utf-8")] + refusal.fields
        body = Array("\(refusal.words)\n".utf8)
    }

    /// EC2's token (IMDSv2), which its clients must have and nothing here asks for: who asks is known without one.
    static func token(_ request: GuestRequest) throws(Refusal) -> GuestAnswer {
        guard request.path == "/latest/api/token" else {
            throw Refusal(405, "metadata is only read", fields: [("Allow", "GET, HEAD")])
        }
        let name = "x-aws-ec2-metadata-token-ttl-seconds"
        guard let text = request.fields[name], let seconds = Int(text), (1...21_600).contains(seconds) else {
            throw Refusal(400, "\(name) must be from 1 to 21600")
        }
        var answer = GuestAnswer(MetadataPage(.text, Array("kc-needs-no-token".utf8)))
        answer.fields.append(.init(name: name, value: "\(seconds)"))
        return answer
    }

    package var bytes: [UInt8] {
        var head = "HTTP/1.1 \(status) \(Self.reasons[status] ?? "Error")\r\n"
        for field in fields { head += "\(field.name): \(field.value)\r\n" }
        head += "Content-Length: \(body.count)\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
        return Array(head.utf8) + (isHeadOnly ? [] : body)
    }

    private static let reasons = [
        200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
        413: "Content Too Large", 429: "Too Many Requests", 431: "Request Header Fields Too Large",
        503: "Service Unavailable",
    ]
}
