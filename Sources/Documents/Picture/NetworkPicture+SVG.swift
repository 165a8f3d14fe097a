import Resources

extension NetworkPicture {
    /// A drawing that needs nothing else (SVG 1.1): a column a host, a lane a segment, boxes for what is attached, each
    /// edged with the colour of its state. Reasons are in the titles that browsers show under the pointer.
    package func svg() -> String {
        let layout = Layout(self)
        var out = SVGText()
        out.open(
            "svg",
            [
                ("xmlns", "http://www.w3.org/2000/svg"), ("width", "\(layout.width)"), ("height", "\(layout.height)"),
                ("viewBox", "0 0 \(layout.width) \(layout.height)"), ("font-family", "sans-serif"), ("font-size", "13"),
            ])
        out.style(Self.darkness)
        out.element("rect", [("class", "paper"), ("width", "100%"), ("height", "100%"), ("fill", "#ffffff")])
        for column in layout.columns { draw(column, layout, &out) }
        for row in layout.rows { draw(row, layout, &out) }
        out.close("svg")
        return out.text
    }

    /// For browsers that are set to dark; whatever does not know it draws on white.
    private static let darkness = """
        @media (prefers-color-scheme: dark) { .paper { fill: #131416 } .host { fill: #1c1e21 } .port { fill: #26292d } \
        .gateway { fill: #22304a } .ink { fill: #f0f0f0 } .faint { fill: #a8adb4 } }
        """

    private func draw(_ column: Layout.Column, _ layout: Layout, _ out: inout SVGText) {
        let colour = column.machine?.state.colour ?? State.unknown.colour
        out.open("g", [])
        if let machine = column.machine {
            out.title([machine.name, machine.phase, machine.message].compactMap(\.self).joined(separator: ": "))
        }
        out.box(column.x, Layout.margin, Layout.columnWidth, layout.height - 2 * Layout.margin, colour, .host)
        out.label(
            column.x + 12, Layout.margin + 22, column.machine?.name ?? (machines.isEmpty ? "" : "on no host"),
            .strong, within: Layout.columnWidth - 24)
        out.label(column.x + 12, Layout.margin + 40, column.machine?.vtep ?? "", .faint)
        out.close("g")
    }

    private func draw(_ row: Layout.Row, _ layout: Layout, _ out: inout SVGText) {
        let middle = row.y + 4 + (Layout.boxStep - 8) / 2
        let width = Layout.labelWidth - Layout.margin - 12
        out.open("g", [])
        out.title(title(of: row.lane))
        out.label(Layout.margin, row.y + 16, title(of: row.lane), .strong, within: width)
        out.label(Layout.margin, row.y + 32, row.lane.vni.map { "VNI \($0)" } ?? "", .faint)
        out.label(Layout.margin, row.y + 48, row.lane.prefix ?? "", .faint)
        out.close("g")
        let places = layout.columns.filter { !ports(of: row.lane, on: $0.machine?.id).isEmpty }
        // The lane inside each host, and its way there: the farthest first, so that each part shows the state where it ends.
        for column in places.reversed() {
            let place = column.machine.flatMap { row.lane.hosts[$0.id] }
            out.open("g", [])
            out.title([title(of: row.lane), place?.phase, place?.message].compactMap(\.self).joined(separator: ": "))
            out.line(
                Layout.labelWidth - 12, middle, column.x + 12, middle, place?.state.colour ?? State.unknown.colour)
            out.close("g")
        }
        // Over the lines, which go on behind them.
        for column in places {
            for (index, port) in ports(of: row.lane, on: column.machine?.id).enumerated() {
                draw(port, column.x + 12, row.y + 4 + index * Layout.boxStep, &out)
            }
        }
    }

    private func draw(_ port: Port, _ x: Int, _ y: Int, _ out: inout SVGText) {
        out.open("g", [])
        out.title([port.name, port.place.phase, port.place.message].compactMap(\.self).joined(separator: ": "))
        out.box(
            x, y, Layout.columnWidth - 24, Layout.boxStep - 8, port.place.state.colour,
            port.isGateway ? .gateway : .port)
        let width = Layout.columnWidth - 44
        out.label(x + 10, y + 17, port.isGateway ? "gateway \(port.name)" : port.name, .plain, within: width)
        out.label(x + 10, y + 33, port.address.isEmpty ? port.place.phase : port.address, .faint, within: width)
        out.close("g")
    }

    /// Where everything stands, in pixels.
    private struct Layout {
        static let margin = 16
        static let labelWidth = 230
        static let columnWidth = 330
        static let gap = 24
        static let boxStep = 50
        private static let head = 64

        struct Column {
            /// nil: what is bound to no host.
            var machine: Machine?
            var x: Int
        }
        struct Row {
            var lane: Lane
            var y: Int
        }
        var columns: [Column] = []
        var rows: [Row] = []
        var width: Int
        var height: Int

        init(_ picture: NetworkPicture) {
            let strays = picture.ports.contains { $0.host == nil }
            let machines: [Machine?] = picture.machines + (strays ? [nil] : [])
            for (index, machine) in machines.enumerated() {
                columns.append(Column(machine: machine, x: Self.labelWidth + index * (Self.columnWidth + Self.gap)))
            }
            width = Self.labelWidth + machines.count * (Self.columnWidth + Self.gap) + Self.margin
            var y = Self.margin + Self.head
            for lane in picture.lanes {
                rows.append(Row(lane: lane, y: y))
                let tallest = machines.map { picture.ports(of: lane, on: $0?.id).count }.max() ?? 0
                y += max(1, tallest) * Self.boxStep + Self.gap
            }
            height = y + Self.margin
        }
    }
}

/// SVG, built so that no text can end an element or an attribute.
private struct SVGText {
    private(set) var text = ""

    mutating func open(_ name: String, _ attributes: [(String, String)]) { start(name, attributes, end: ">\n") }

    mutating func element(_ name: String, _ attributes: [(String, String)]) { start(name, attributes, end: "/>\n") }

    mutating func close(_ name: String) { text += "</\(name)>\n" }

    /// - Parameter rules: our own, without `<` and `&`.
    mutating func style(_ rules: String) { text += "<style>\(rules)</style>\n" }

    /// What a box is, for its colour by day and by night.
    enum Surface: String {
        case host, port, gateway

        var colour: String {
            switch self {
            case .host: "#fafafa"
            case .port: "#ffffff"
            case .gateway: "#eef4ff"
            }
        }
    }

    /// How words look.
    enum Tone {
        case plain, strong, faint

        /// What a character takes on average, in tenths of a pixel: generous, since every browser has another font.
        var width: Int { self == .strong ? 82 : 72 }
    }

    mutating func title(_ words: String) { text += "<title>\(Self.escaped(words))</title>\n" }

    mutating func box(_ x: Int, _ y: Int, _ width: Int, _ height: Int, _ edge: String, _ surface: Surface) {
        element(
            "rect",
            [
                ("class", surface.rawValue), ("x", "\(x)"), ("y", "\(y)"), ("width", "\(width)"),
                ("height", "\(height)"), ("rx", "8"), ("fill", surface.colour), ("stroke", edge), ("stroke-width", "2"),
            ])
    }

    mutating func line(_ x1: Int, _ y1: Int, _ x2: Int, _ y2: Int, _ colour: String) {
        element(
            "line",
            [
                ("x1", "\(x1)"), ("y1", "\(y1)"), ("x2", "\(x2)"), ("y2", "\(y2)"), ("stroke", colour),
                ("stroke-width", "3"),
            ])
    }

    /// - Parameter room: in pixels; what is longer loses its middle, since names differ at their ends. The title has all of it.
    mutating func label(_ x: Int, _ y: Int, _ words: String, _ tone: Tone, within room: Int = .max / 20) {
        guard !words.isEmpty else { return }
        let look = [
            ("class", tone == .faint ? "faint" : "ink"), ("x", "\(x)"), ("y", "\(y)"),
            ("font-weight", tone == .strong ? "bold" : "normal"), ("fill", tone == .faint ? "#555555" : "#111111"),
        ]
        start("text", look, end: ">")
        text += "\(Self.escaped(Self.shortened(words, to: room * 10 / tone.width)))</text>\n"
    }

    private static func shortened(_ words: String, to count: Int) -> String {
        guard words.count > count, count > 2 else { return words }
        let end = (count - 1) / 3
        return "\(words.prefix(count - 1 - end))…\(words.suffix(end))"
    }

    private mutating func start(_ name: String, _ attributes: [(String, String)], end: String) {
        text += "<\(name)" + attributes.map { " \($0)=\"\(Self.escaped($1))\"" }.joined() + end
    }

    /// XML 1.0 section 2.4; characters that XML cannot carry become spaces.
    private static func escaped(_ words: String) -> String {
        var out = ""
        for scalar in words.unicodeScalars {
            switch scalar {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "\"": out += "&quot;"
            case _ where scalar.value < 0x20 || scalar.value == 0x7f || scalar.value >= 0xfffe: out += " "
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out
    }
}
