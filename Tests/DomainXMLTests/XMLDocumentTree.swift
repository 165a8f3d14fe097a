import Foundation
import FoundationXML

/// A document as Foundation's parser (libxml2) sees it: not the one of the target.
final class XMLDocumentTree: NSObject, XMLParserDelegate {
    private(set) var names: [String] = []
    private var path: [String] = []
    private var found: [(path: [String], attributes: [String: String])] = []
    private var texts: [String: String] = [:]

    struct Broken: Error { let text: String }

    init(_ text: String) throws {
        super.init()
        let parser = XMLParser(data: Data(text.utf8))
        parser.delegate = self
        guard parser.parse() else { throw Broken(text: text) }
    }

    /// Of an attribute of all elements `inner` directly inside `outer`, or of all elements `outer`.
    func values(_ outer: String, _ inner: String?, _ attribute: String) -> [String] {
        let wanted = inner.map { [outer, $0] } ?? [outer]
        return found.filter { $0.path.suffix(wanted.count) == wanted[...] }.compactMap { $0.attributes[attribute] }
    }

    func text(_ name: String) -> String? { texts[name] }

    func parser(
        _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
        attributes: [String: String]
    ) {
        names.append(name)
        path.append(name)
        found.append((path, attributes))
    }

    func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
        path.removeLast()
    }

    func parser(_ parser: XMLParser, foundCharacters text: String) {
        if let name = path.last { texts[name, default: ""] += text }
    }
}
