/// Layer 2. Resources as people write and read them: YAML and JSON files, differences between two states, tables.
/// Pure: text in, text out; it knows the kinds and no server, file or terminal.
///
/// A table of text, its columns aligned.
package struct Table: Sendable {
    /// How a cell's text is to be seen where there are colours.
    package enum Tone: Sendable { case plain, good, waiting, bad, quiet }

    package struct Cell: Sendable, ExpressibleByStringLiteral {
        package let text: String
        package let tone: Tone

        package init(_ text: String, _ tone: Tone = .plain) {
            self.text = DisplayText.safe(text)
            self.tone = tone
        }
        package init(stringLiteral text: String) { self.init(text) }
    }

    package let header: [String]
    package private(set) var rows: [[Cell]] = []

    package init(_ header: [String]) { self.header = header }

    /// A row shorter than the header is filled with empty cells.
    package mutating func add(_ row: [Cell]) {
        rows.append(row + Array(repeating: "", count: max(0, header.count - row.count)))
    }

    /// The lines without their newline: the header in capitals, two spaces between columns, no space at line ends.
    /// - Parameter coloured: wraps cells in SGR sequences (ECMA-48 section 8.3.117).
    package func lines(coloured: Bool = false, withHeader: Bool = true) -> [String] {
        let widths = header.indices.map { column in
            max(DisplayText.width(header[column]), rows.map { DisplayText.width($0[column].text) }.max() ?? 0)
        }
        var lines = withHeader ? [line(header.map { Cell($0.uppercased(), .quiet) }, widths, coloured)] : []
        lines += rows.map { line($0, widths, coloured) }
        return lines
    }

    private func line(_ cells: [Cell], _ widths: [Int], _ coloured: Bool) -> String {
        let last = cells.lastIndex { !$0.text.isEmpty } ?? 0
        return cells[...last].enumerated().map { column, cell in
            let text = column == last ? cell.text : DisplayText.padded(cell.text, to: widths[column])
            return coloured ? cell.tone.dress(text) : text
        }.joined(separator: "  ")
    }
}

extension Table.Tone {
    package func dress(_ text: String) -> String {
        switch self {
        case .plain: text
        case .good: "\u{1b}[32m\(text)\u{1b}[0m"
        case .waiting: "\u{1b}[33m\(text)\u{1b}[0m"
        case .bad: "\u{1b}[31m\(text)\u{1b}[0m"
        case .quiet: "\u{1b}[2m\(text)\u{1b}[0m"
        }
    }
}
