package import Resources

/// One of a few words, written as it is in JSON.
package protocol Keyword: JSONCodable, RawRepresentable, CaseIterable where RawValue == String {}

extension Keyword {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        let text = try String(json: node, path: path)
        guard let value = Self(rawValue: text) else {
            throw FieldError(field: path, value: text, rule: "must be one of \(Self.words.joined(separator: ", "))")
        }
        self = value
    }

    package func write(to writer: inout JSONWriter) { writer.string(rawValue) }

    /// All of them, as a shape.
    static var shape: Shape { .choice(Self.words) }

    private static var words: [String] { allCases.map(\.rawValue) }
}

/// The instruction set of a machine, and of the programs in an image.
package enum Architecture: String, Keyword {
    /// AMD64, Intel 64.
    case amd64 = "x86_64"
    /// AArch64.
    case arm64
}

/// What a machine starts with.
package enum Firmware: String, Keyword {
    /// SeaBIOS; on x86_64 alone.
    case bios
    /// EDK II.
    case uefi
}
