package import Resources

/// Why a file is not what it must be, and where.
package struct DocumentError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file's name as the user gave it; "(standard input)".
    package let source: String
    /// From 1; nil when no line can be told.
    package let line: Int?
    package let rule: String

    package init(source: String, line: Int? = nil, rule: String) {
        self.source = source
        self.line = line
        self.rule = rule
    }

    package init(source: String, line: Int? = nil, _ error: FieldError) {
        self.init(source: source, line: line, rule: "\(error)")
    }

    package var description: String { "\(source)\(line.map { ":\($0)" } ?? ""): \(rule)" }
}
