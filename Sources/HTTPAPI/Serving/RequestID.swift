import HTTPTypes

/// Names one request in logs and problem documents: the client's `X-Request-Id` when it is harmless, else a random one.
struct RequestID: Sendable {
    let text: String

    init(_ headers: HTTPFields) {
        if let given = headers[.requestID], (1...64).contains(given.utf8.count), given.utf8.allSatisfy(Self.isHarmless)
        {
            text = given
        } else {
            text = String(UInt64.random(in: .min ... .max), radix: 36)
        }
    }

    private static func isHarmless(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
            || [UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: ".")].contains(byte)
    }
}

extension HTTPField.Name {
    static let requestID = constant("X-Request-Id")
    static let revision = constant("KC-Revision")

    private static func constant(_ text: StaticString) -> HTTPField.Name {
        guard let name = HTTPField.Name(text.description) else { preconditionFailure("'\(text)' is no field name") }
        return name
    }
}
