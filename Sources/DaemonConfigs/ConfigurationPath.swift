/// An absolute path that may stand in a configuration file as it is: letters, digits, `.`, `_`, `-` and `/`.
package struct ConfigurationPath: Hashable, Sendable, CustomStringConvertible {
    package let description: String

    /// nil for anything else, and for more than 107 bytes, the longest name of a Unix socket (unix(7)).
    package init?(_ text: String) {
        guard text.utf8.first == UInt8(ascii: "/"), text.utf8.count <= 107, text.utf8.allSatisfy(Self.isPlain) else {
            return nil
        }
        description = text
    }

    /// A file in this folder, whose name this program made.
    package func file(_ name: StaticString) -> String { "\(description)/\(name)" }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"),
            UInt8(ascii: "/"):
            true
        default: false
        }
    }
}
