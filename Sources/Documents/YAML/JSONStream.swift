import Resources

/// A YAML stream whose documents are all written as JSON, which is YAML too (YAML 1.2.2 section 1.3): what programs write,
/// and what is read a good deal sooner as what it is.
enum JSONStream {
    /// The documents with the line each begins at; empty ones are left out. nil for a stream that is anything else: whether
    /// it is good YAML, and what is wrong with it, the reader of YAML says.
    static func documents(_ text: String) -> [(node: JSONNode, line: Int?)]? {
        var documents: [(node: JSONNode, line: Int?)] = []
        var reading = Reading()
        for line in text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            reading.line += 1
            // `---` alone begins a document (section 9.1.4); JSON has no line that begins so.
            if line.elementsEqual("---".utf8) {
                guard reading.finish(&documents) else { return nil }
            } else {
                guard reading.take(line) else { return nil }
            }
        }
        return reading.finish(&documents) ? documents : nil
    }

    /// One document in the making.
    private struct Reading {
        /// Of the stream, from 1.
        var line = 0
        private var bytes: [UInt8] = []
        private var begin = 0

        /// - Returns: false when the document begins as no object or list does.
        mutating func take(_ text: some Collection<UInt8>) -> Bool {
            if bytes.isEmpty {
                guard let first = text.first(where: { $0 != UInt8(ascii: " ") }) else { return true }
                guard first == UInt8(ascii: "{") || first == UInt8(ascii: "[") else { return false }
                begin = line
            }
            bytes += text
            bytes.append(UInt8(ascii: "\n"))
            return true
        }

        /// - Returns: false when the document is no JSON.
        mutating func finish(_ documents: inout [(node: JSONNode, line: Int?)]) -> Bool {
            guard !bytes.isEmpty else { return true }
            defer { bytes = [] }
            // Flow style of YAML that is no JSON has its own reader, which has its own words for what is wrong with it.
            guard let node = try? JSONParser.parse(bytes, atMost: JSONParser.largeValues) else { return false }
            documents.append((node, begin))
            return true
        }
    }
}
