import NetworkModel
package import Resources

/// For programs: `{"steps":[{"operation","subject":{"kind","id"?}}],"refusals":[{"subject","phase","message"}]}`; an
/// operation is the text that people see.
extension HostPlan: JSONWritable {
    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.name("steps")
            writer.array { writer in
                for step in steps {
                    writer.object { writer in
                        writer.member("operation", step.operation.description)
                        writer.member("subject", step.subject)
                    }
                }
            }
            writer.name("refusals")
            writer.array { writer in
                for refusal in refusals {
                    writer.object { writer in
                        writer.member("subject", refusal.subject)
                        writer.member("phase", refusal.phase)
                        writer.member("message", refusal.message)
                    }
                }
            }
        }
    }
}

extension Subject: JSONWritable {
    package func write(to writer: inout JSONWriter) {
        let (kind, id): (String, ResourceID?) =
            switch self {
            case .host: ("host", nil)
            case .segment(let id): ("segment", id)
            case .attachment(let id): ("attachment", id)
            case .gateway(let id): ("gateway", id)
            case .orphan: ("orphan", nil)
            }
        writer.object { writer in
            writer.member("kind", kind)
            writer.member("id", id)
        }
    }
}
