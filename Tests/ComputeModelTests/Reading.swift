import Resources
import Testing

/// Documents as a user writes them.
func read<Value: JSONReadable>(_ text: String, as type: Value.Type = Value.self) throws -> Value {
    try Value(json: JSONParser.parse(Array(text.utf8)), path: "spec")
}

/// That a document is refused, for that field and with a rule; gives the error's text.
@discardableResult
func expectRefusal<Value: JSONReadable>(
    of text: String, as type: Value.Type, field: String, sourceLocation: SourceLocation = #_sourceLocation
) -> String {
    do {
        _ = try read(text, as: type)
        Issue.record("accepted: \(text.prefix(200))", sourceLocation: sourceLocation)
    } catch let error as FieldError {
        #expect(error.field == field, "\(text.prefix(200)): \(error)", sourceLocation: sourceLocation)
        #expect(!error.rule.isEmpty, sourceLocation: sourceLocation)
        return error.description
    } catch {
        Issue.record("\(text.prefix(200)): \(error)", sourceLocation: sourceLocation)
    }
    return ""
}

func text(_ value: some JSONWritable) -> String { String(decoding: value.json, as: UTF8.self) }
