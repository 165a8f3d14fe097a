import HTTPTypes
import Synchronization

/// Names one request in logs and problem documents: the client's `X-Request-Id` when it is harmless, else a random one.
struct RequestID: Sendable {
    let text: String

    /// One step for each id that is made; where it begins is chance.
    private static let last = Atomic<UInt64>(UInt64.random(in: .min ... .max))

    init(_ headers: HTTPFields) {
        if let given = headers[.requestID], (1...64).contains(given.utf8.count), given.utf8.allSatisfy(Self.isHarmless)
        {
            text = given
        } else {
            text = Self.next()
        }
    }

    /// No two of a server are alike, and those of two servers hardly ever. Nothing hangs on their being hard to guess: the
    /// system's randomness would be a call into the kernel with every request.
    private static func next() -> String {
        // The golden ratio in 64 bits: every step is an odd one, and so comes back after 2^64 of them.
        var value = last.wrappingAdd(0x9e37_79b9_7f4a_7c15, ordering: .relaxed).newValue
        // Invertible, so that what differs stays so; neighbours become unlike.
        value = (value ^ (value >> 32)) &* 0xd6e8_feb8_6659_fd93
        value = (value ^ (value >> 32)) &* 0xd6e8_feb8_6659_fd93
        return String(value ^ (value >> 32), radix: 36)
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
