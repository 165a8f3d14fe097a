import HTTPServing
import NetworkService
import Resources

/// Several writes in one transaction.
extension Schemas {
    private static let verbs = ["create", "update", "delete"]

    private static func operationName(_ verb: String, _ kind: Kind) -> String {
        let one = kind.name.singular
        return "Batch" + [verb, one].map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }

    /// Each kind with each verb is one alternative, so that the document of every operation is described.
    static func batched(_ kind: Kind) -> [(String, Schema)] {
        let one = kind.name.singular
        let draft = #","document":{"$ref":"@\#(one.prefix(1).uppercased() + one.dropFirst())Draft"}"#
        let project = kind.name.isInProject ? #","project":\#(reference)"# : ""
        let required = kind.name.isInProject ? #","project""# : ""
        let target = #","item":\#(reference),"ifMatch":{"type":"integer","minimum":0,"maximum":9007199254740991}"#
        return verbs.map { verb in
            let (members, names) =
                switch verb {
                case "create": (draft, #","document""#)
                case "update": (target + draft, #","item","document""#)
                default: (target, #","item""#)
                }
            return (
                operationName(verb, kind),
                Schema(
                    #"{"type":"object","properties":{"verb":{"const":"\#(verb)"},"kind":{"const":"\#(one)"}\#(project)\#(members)},"required":["verb","kind"\#(required)\#(names)],"additionalProperties":false}"#
                )
            )
        }
    }

    private static var batch: Schema {
        let alternatives = Kind.allCases.flatMap { kind in
            verbs.map { #"{"$ref":"@\#(operationName($0, kind))"}"# }
        }
        return Schema(
            #"{"type":"object","properties":{"operations":{"type":"array","minItems":1,"maxItems":\#(BatchOperation.maximumCount),"items":{"oneOf":[\#(alternatives.joined(separator: ","))]}}},"required":["operations"],"additionalProperties":false}"#
        )
    }

    private static var batchResult: Schema {
        let kinds = Kind.allCases.map { #""\#($0.name.singular)""# }.joined(separator: ",")
        let resources = Kind.allCases.map { kind in
            let one = kind.name.singular
            return #"{"$ref":"@\#(one.prefix(1).uppercased() + one.dropFirst())"}"#
        }
        return Schema(
            #"{"type":"object","properties":{"kind":{"enum":[\#(kinds)]},"id":{"type":"string","format":"uuid"},"name":{"$ref":"@Name"},"deleted":{"type":"boolean","description":"Only ever true."},"resource":{"oneOf":[\#(resources.joined(separator: ","))]}},"required":["kind","id","name"]}"#
        )
    }

    static var batches: [(String, Schema)] {
        [
            ("Batch", batch),
            ("BatchResult", batchResult),
            (
                "BatchWritten",
                Schema(
                    #"{"type":"object","properties":{"revision":{"type":"integer"},"items":{"type":"array","items":{"$ref":"@BatchResult"}}},"required":["revision","items"]}"#
                )
            ),
        ]
    }
}
