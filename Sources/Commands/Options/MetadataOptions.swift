package import ArgumentParser
import Documents
package import Resources

/// Labels, annotations and protection, for creating and for changing.
package struct MetadataOptions: ParsableArguments {
    @Option(help: ArgumentHelp("A label to set; may be repeated.", valueName: "key=value"))
    package var label: [String] = []

    @Option(
        help: ArgumentHelp(
            "An annotation to set, any JSON; may be repeated: --annotation note='\"text\"'.", valueName: "key=JSON"))
    package var annotation: [String] = []

    @Flag(inversion: .prefixedNo, help: "Refuse deletion.")
    package var protected: Bool?

    package init() {}

    /// The document with what the options say set in it.
    package func edit(_ document: JSONNode) throws -> JSONNode {
        var document = document
        for text in label {
            let (key, value) = try Self.split(text, option: "--label", form: "key=value")
            document = document.setting(
                "labels", to: (document["labels"] ?? .object([])).setting(key, to: .string(value)))
        }
        for text in annotation {
            let (key, value) = try Self.split(text, option: "--annotation", form: "key=JSON")
            let node: JSONNode
            do { node = try JSONParser.parse(Array(value.utf8)) } catch {
                throw ValidationError(
                    "--annotation \(key): \(error); a text needs quotes of its own: --annotation \(key)='\"text\"'")
            }
            document = document.setting(
                "annotations", to: (document["annotations"] ?? .object([])).setting(key, to: node))
        }
        if let protected { document = document.setting("protected", to: JSONNode(.bool(protected))) }
        return document
    }

    private static func split(_ text: String, option: String, form: String) throws -> (String, String) {
        guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
            throw ValidationError("\(option) \(text): write it as \(form)")
        }
        return (String(text[..<equals]), String(text[text.index(after: equals)...]))
    }
}
