/// Goes through XML 1.0 with namespaces, as far as libvirt writes it: elements, attributes, text, comments, CDATA,
/// processing instructions.
///
/// Nothing is expanded but the five predefined entities and character references; a document type, in which others could be
/// defined, is refused. Time is linear, depth and size are bounded.
struct XMLScanner {
    /// libvirt's own limit for a domain's XML is larger than any it writes: this is ten times a domain of 26 disks.
    static let maximumSize = 1 << 20
    static let maximumDepth = 32

    enum Event: Equatable {
        case start(QualifiedName, [String: String])
        case text(String)
        case end
    }

    private let bytes: [UInt8]
    private(set) var offset = 0
    /// The raw names of the elements that are open, and the namespaces declared by each.
    private var open: [(name: String, namespaces: [String: String])] = []
    private var mustEnd = false
    private var hadRoot = false

    init(_ bytes: [UInt8]) throws(DomainReadingError) {
        self.bytes = bytes
        guard bytes.count <= Self.maximumSize else { throw error("it is at most \(Self.maximumSize) bytes") }
        guard String(validating: bytes, as: UTF8.self) != nil else { throw error("it is UTF-8") }
    }

    func error(_ rule: String) -> DomainReadingError { DomainReadingError(offset: offset, rule: rule) }

    /// nil at the end of the document.
    mutating func next() throws(DomainReadingError) -> Event? {
        if mustEnd {
            mustEnd = false
            open.removeLast()
            return .end
        }
        while offset < bytes.count {
            if starts("<!--") {
                try skip(past: "-->")
            } else if starts("<![CDATA[") {
                guard !open.isEmpty else { throw error("text is inside an element") }
                offset += 9
                let start = offset
                try skip(past: "]]>")
                return .text(String(decoding: bytes[start..<offset - 3], as: UTF8.self))
            } else if starts("<!") {
                throw error("it has no document type")
            } else if starts("<?") {
                try skip(past: "?>")
            } else if starts("</") {
                return try end()
            } else if starts("<") {
                return try start()
            } else if let text = try text() {
                return .text(text)
            }
        }
        guard open.isEmpty, hadRoot else { throw error("every element ends, and there is one") }
        return nil
    }

    private func starts(_ text: StaticString) -> Bool {
        bytes[offset...].starts(with: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    private mutating func skip(past text: StaticString) throws(DomainReadingError) {
        while offset < bytes.count {
            if starts(text) {
                offset += text.utf8CodeUnitCount
                return
            }
            offset += 1
        }
        throw error("what begins ends")
    }

    private mutating func text() throws(DomainReadingError) -> String? {
        let start = offset
        while offset < bytes.count, bytes[offset] != UInt8(ascii: "<") { offset += 1 }
        let text = try decode(bytes[start..<offset])
        guard open.isEmpty else { return text }
        guard text.utf8.allSatisfy(Self.isSpace) else { throw error("text is inside an element") }
        return nil
    }

    private mutating func start() throws(DomainReadingError) -> Event {
        guard !open.isEmpty || !hadRoot else { throw error("one element holds all others") }
        guard open.count < Self.maximumDepth else {
            throw error("elements are nested at most \(Self.maximumDepth) deep")
        }
        hadRoot = true
        offset += 1
        let name = try self.name()
        var attributes: [String: String] = [:]
        var isEmpty = false
        while true {
            let isSpaced = skipSpace()
            if starts("/>") {
                offset += 2
                isEmpty = true
                break
            }
            if starts(">") {
                offset += 1
                break
            }
            guard isSpaced else { throw error("attributes stand behind white space") }
            let name = try self.name()
            guard attributes.updateValue(try value(), forKey: name) == nil else {
                throw error("an attribute stands once")
            }
        }
        var namespaces: [String: String] = [:]
        for (name, value) in attributes {
            if name == "xmlns" { namespaces[""] = value }
            if name.hasPrefix("xmlns:") { namespaces[String(name.dropFirst(6))] = value }
        }
        open.append((name, namespaces))
        mustEnd = isEmpty
        return .start(try qualified(name), attributes)
    }

    private mutating func end() throws(DomainReadingError) -> Event {
        offset += 2
        let name = try self.name()
        skipSpace()
        guard starts(">"), open.last?.name == name else { throw error("each end is that of the element that is open") }
        offset += 1
        open.removeLast()
        return .end
    }

    private func qualified(_ name: String) throws(DomainReadingError) -> QualifiedName {
        let parts = name.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count <= 2, parts.allSatisfy({ !$0.isEmpty }) else { throw error("a name has one prefix at most") }
        let prefix = parts.count == 2 ? String(parts[0]) : ""
        let namespace = open.reversed().lazy.compactMap { $0.namespaces[prefix] }.first
        guard namespace != nil || prefix.isEmpty else { throw error("a prefix is declared") }
        return QualifiedName(namespace ?? "", String(parts[parts.count - 1]))
    }

    private mutating func name() throws(DomainReadingError) -> String {
        let start = offset
        while offset < bytes.count, Self.isName(bytes[offset]) { offset += 1 }
        guard start < offset, !(48...57).contains(bytes[start]), !"-.".utf8.contains(bytes[start]) else {
            throw error("a name stands here")
        }
        return String(decoding: bytes[start..<offset], as: UTF8.self)
    }

    private mutating func value() throws(DomainReadingError) -> String {
        skipSpace()
        guard starts("=") else { throw error("an attribute has a value") }
        offset += 1
        skipSpace()
        guard starts("'") || starts("\"") else { throw error("a value stands in quotes") }
        let quote = bytes[offset]
        offset += 1
        let start = offset
        while offset < bytes.count, bytes[offset] != quote {
            guard bytes[offset] != UInt8(ascii: "<") else { throw error("no '<' stands in a value") }
            offset += 1
        }
        guard offset < bytes.count else { throw error("a value ends") }
        offset += 1
        return try decode(bytes[start..<offset - 1])
    }

    @discardableResult private mutating func skipSpace() -> Bool {
        let start = offset
        while offset < bytes.count, Self.isSpace(bytes[offset]) { offset += 1 }
        return offset > start
    }

    private func decode(_ raw: ArraySlice<UInt8>) throws(DomainReadingError) -> String {
        guard raw.contains(UInt8(ascii: "&")) else { return String(decoding: raw, as: UTF8.self) }
        var text = ""
        for (index, part) in raw.split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: false).enumerated() {
            guard index > 0 else {
                text += String(decoding: part, as: UTF8.self)
                continue
            }
            // "&#x10ffff;" is the longest there is.
            guard let end = part.prefix(10).firstIndex(of: UInt8(ascii: ";")),
                let scalar = Self.entity(String(decoding: part[..<end], as: UTF8.self))
            else { throw error("only predefined entities and characters stand behind '&'") }
            text.unicodeScalars.append(scalar)
            text += String(decoding: part[(end + 1)...], as: UTF8.self)
        }
        return text
    }

    private static func entity(_ name: String) -> Unicode.Scalar? {
        switch name {
        case "amp": return "&"
        case "lt": return "<"
        case "gt": return ">"
        case "apos": return "'"
        case "quot": return "\""
        default:
            guard name.hasPrefix("#"), !name.contains("+"), !name.contains("-") else { return nil }
            let number = name.hasPrefix("#x") ? UInt32(name.dropFirst(2), radix: 16) : UInt32(name.dropFirst(1))
            return number.flatMap { $0 == 0 ? nil : Unicode.Scalar($0) }
        }
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d }

    /// ASCII, and every byte of what is beyond it.
    private static func isName(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...58, 65...90, 97...122, 0x80...0xff: true
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"): true
        default: false
        }
    }
}

/// A name with the namespace that its prefix stands for; "" for none.
struct QualifiedName: Hashable, Sendable {
    let namespace: String
    let name: String

    init(_ namespace: String, _ name: String) {
        self.namespace = namespace
        self.name = name
    }
}
