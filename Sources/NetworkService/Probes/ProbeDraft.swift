package import NetworkModel
package import Resources

/// What somebody wants to know.
package struct ProbeDraft: Sendable {
    package enum Question: Sendable {
        /// An attachment by name or id.
        case drops(attachment: String)
        /// A gateway by name or id.
        case leases(gateway: String)
        /// A gateway by name or id.
        case translation(gateway: String)
        /// A gateway by name or id.
        case gatewayDrops(gateway: String)
        /// Attachments by name, id or address; hosts as `host/NAME`.
        case path(from: String, to: String, flow: PathFlow)
    }

    package var question: Question
    package var seconds: Int

    package init(json node: JSONNode) throws(FieldError) {
        var reader = try FieldReader(node, path: "")
        let type: String = try reader.required("type")
        switch type {
        case "drops": question = .drops(attachment: try reader.required("attachment"))
        case "leases": question = .leases(gateway: try reader.required("gateway"))
        case "translation": question = .translation(gateway: try reader.required("gateway"))
        case "gateway-drops": question = .gatewayDrops(gateway: try reader.required("gateway"))
        case "path":
            question = .path(
                from: try reader.required("from"), to: try reader.required("to"),
                flow: try reader.optional("flow") ?? .echo)
        default:
            throw FieldError(
                field: "type", value: type, rule: "must be drops, gateway-drops, leases, translation or path")
        }
        seconds = try reader.optional("seconds") ?? 0
        guard (0...DesiredProbe.maximumSeconds).contains(seconds) else {
            throw FieldError(
                field: "seconds", value: "\(seconds)", rule: "must be from 0 to \(DesiredProbe.maximumSeconds)")
        }
        try reader.finish()
    }
}
