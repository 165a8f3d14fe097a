/// What a guest asks, in HTTP/1.x (RFC 9112): a request without a body, by which nothing is changed. One a connection.
package struct GuestRequest: Hashable, Sendable {
    package enum Method: String, Hashable, Sendable {
        case get = "GET"
        case head = "HEAD"
        /// Only for a token of EC2's, which nothing here needs.
        case put = "PUT"
    }

    package var method: Method
    /// Without a query.
    package var path: String
    /// By names in lower case.
    package var fields: [String: String]

    /// Of request line and fields together: what stock cloud-init sends has some 200.
    package static let longestHead = 8192
    private static let maximumFields = 64

    /// Takes one from the front of what has come.
    /// - Returns: nil while its head has not all come.
    /// - Throws: the answer to what is none, or none that is served here.
    package static func take(from bytes: inout [UInt8]) throws(Refusal) -> GuestRequest? {
        guard let end = end(of: bytes) else {
            if bytes.count > longestHead {
                throw Refusal(431, "the request's head is longer than \(longestHead) bytes")
            }
            return nil
        }
        guard end <= longestHead else {
            throw Refusal(431, "the request's head is longer than \(longestHead) bytes")
        }
        let request = try GuestRequest(head: bytes[..<end])
        bytes.removeFirst(end)
        return request
    }

    /// Behind the empty line; nil without one.
    private static func end(of bytes: [UInt8]) -> Int? {
        let limit = min(bytes.count, longestHead + 4)
        guard limit >= 4 else { return nil }
        for index in 3..<limit where bytes[index] == 0x0a {
            if bytes[index - 1] == 0x0d, bytes[index - 2] == 0x0a, bytes[index - 3] == 0x0d { return index + 1 }
        }
        return nil
    }

    private init(head: ArraySlice<UInt8>) throws(Refusal) {
        guard head.allSatisfy({ $0 == 0x0d || $0 == 0x0a || $0 == 0x09 || (0x20..<0x7f).contains($0) }) else {
            throw Refusal(400, "the request's head has octets that are none of ASCII's")
        }
        var lines = String(decoding: head.dropLast(4), as: UTF8.self).split(
            separator: "\r\n", omittingEmptySubsequences: false)
        guard !lines.contains(where: { $0.unicodeScalars.contains { $0 == "\r" || $0 == "\n" } }) else {
            throw Refusal(400, "a line does not end with CR and LF")
        }
        let words = lines.removeFirst().split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 3, words[2] == "HTTP/1.1" || words[2] == "HTTP/1.0" else {
            throw Refusal(400, "the first line is none of HTTP/1.1")
        }
        guard let method = Method(rawValue: String(words[0])) else {
            throw Refusal(405, "metadata is only read", fields: [("Allow", "GET, HEAD")])
        }
        guard words[1].hasPrefix("/") else { throw Refusal(400, "what is asked for must begin with a slash") }
        self.method = method
        path = String(words[1].prefix { $0 != "?" && $0 != "#" })
        fields = try Self.fields(lines)
        try requireNoBody()
    }

    private static func fields(_ lines: [Substring]) throws(Refusal) -> [String: String] {
        guard lines.count <= maximumFields else {
            throw Refusal(431, "the request has more than \(maximumFields) fields")
        }
        var fields: [String: String] = [:]
        for line in lines {
            let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty, parts[0].utf8.allSatisfy(isToken) else {
                throw Refusal(400, "a header field is none")
            }
            let blank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
            let value = parts[1].drop(while: blank)
            fields[parts[0].lowercased()] = String(value)
        }
        return fields
    }

    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
            true
        default: false
        }
    }

    private func requireNoBody() throws(Refusal) {
        if fields["transfer-encoding"] != nil || fields["content-length"].map({ $0 != "0" }) ?? false {
            throw Refusal(413, "a request for metadata has no body")
        }
        // Somebody asks through a program in the guest that hands requests on, and is not the guest.
        if fields["x-forwarded-for"] != nil || fields["forwarded"] != nil || fields["via"] != nil {
            throw Refusal(403, "metadata is for the guest itself: what was forwarded is not answered")
        }
    }
}

/// Why a request is not answered with what it asks for.
package struct Refusal: Error, Hashable, Sendable {
    package var status: Int
    package var words: String
    /// Of the answer, beside those that each has.
    package var fields: [Field]

    package struct Field: Hashable, Sendable {
        package var name: String
        package var value: String
    }

    package init(_ status: Int, _ words: String, fields: [(String, String)] = []) {
        self.status = status
        self.words = words
        self.fields = fields.map { Field(name: $0.0, value: $0.1) }
    }
}
