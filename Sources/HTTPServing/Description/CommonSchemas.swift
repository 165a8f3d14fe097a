import Resources

/// The schemas of what every service of KC answers with.
package enum CommonSchemas {
    package static var all: [(name: String, schema: Schema)] {
        let codes = Problem.Code.allCases.map { #""urn:kc:problem:\#($0.rawValue)""# }.joined(separator: ",")
        return [
            ("Name", Schema(#"{"type":"string","pattern":"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"}"#)),
            (
                "Labels",
                Schema(
                    #"{"type":"object","maxProperties":64,"propertyNames":{"pattern":"^[A-Za-z0-9]([A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?$"},"additionalProperties":{"type":"string","pattern":"^([A-Za-z0-9]([A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?)?$"}}"#
                )
            ),
            ("Annotations", Schema(#"{"type":"object","propertyNames":{"minLength":1,"maxLength":253}}"#)),
            (
                "Problem",
                Schema(
                    #"{"type":"object","properties":{"type":{"enum":[\#(codes)]},"title":{"type":"string"},"status":{"type":"integer"},"detail":{"type":"string"},"instance":{"type":"string"},"field":{"type":"string"},"value":{"type":"string"},"rule":{"type":"string"},"operations":{"type":"array","description":"Of a batch: what is wrong with which operation.","items":{"$ref":"@OperationProblem"}}},"required":["type","title","status","detail","instance"]}"#
                )
            ),
            (
                "OperationProblem",
                Schema(
                    #"{"type":"object","properties":{"index":{"type":"integer","minimum":0},"kind":{"type":"string"},"item":{"type":"string"},"type":{"enum":[\#(codes)]},"title":{"type":"string"},"status":{"type":"integer"},"detail":{"type":"string"},"field":{"type":"string"},"value":{"type":"string"},"rule":{"type":"string"}},"required":["index","kind","type","title","status","detail"]}"#
                )
            ),
            (
                "Health",
                Schema(#"{"type":"object","properties":{"status":{"const":"ok"}},"required":["status"]}"#)
            ),
            (
                "History",
                Schema(
                    #"{"type":"object","properties":{"items":{"type":"array","items":{"type":"object","properties":{"generation":{"type":"integer"},"revision":{"type":"integer"},"time":{"type":"string","format":"date-time"},"who":{"type":"string"},"action":{"enum":["create","update","restore"]},"resource":{"type":"object"}},"required":["generation","revision","time","who","action","resource"]}}},"required":["items"]}"#
                )
            ),
            (
                "Restore",
                Schema(
                    #"{"type":"object","properties":{"generation":{"type":"integer","minimum":1}},"required":["generation"],"additionalProperties":false}"#
                )
            ),
        ]
    }
}
