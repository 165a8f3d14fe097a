import NetworkModel
package import Resources

/// Layer 6, pure. What the measurements of a way mean: the first layer that is broken, by which evidence, and what mends
/// it. Knows the models and no store, kernel or clock: the same world gives the same verdict.
///
/// The judgement about one way.
package struct PathVerdict: Hashable, Sendable {
    package enum State: String, Choice {
        case ok, fail
        /// Not judged: a layer before it is broken, or it is not on this way.
        case skip
    }

    package struct Layer: Hashable, Sendable {
        package var layer: PathLayer
        package var state: State
        package var evidence: [Evidence]

        package init(_ layer: PathLayer, _ state: State, _ evidence: [Evidence] = []) {
            self.layer = layer
            self.state = state
            self.evidence = evidence
        }
    }

    /// All of them, in order.
    package var layers: [Layer]
    /// nil when every layer that could be judged is right.
    package var fault: PathFault?

    package init(layers: [Layer], fault: PathFault?) {
        self.layers = layers
        self.fault = fault
    }
}

/// One thing that was seen.
package struct Evidence: Hashable, Sendable {
    /// Who may read it.
    package enum Audience: String, Choice {
        /// Speaks only of what belongs to the project.
        case project
        /// Names hosts, tunnel endpoints, VNIs or devices.
        case `operator`
    }

    package var audience: Audience
    package var text: String

    package init(_ text: String, for audience: Audience = .operator) {
        self.text = text
        self.audience = audience
    }
}

/// What is broken.
package struct PathFault: Hashable, Sendable {
    package var layer: PathLayer
    /// The thing, as its owner names it: "eth0", "kcx00012c", "agent".
    package var component: String
    /// The host it is on; nil for what lies between hosts.
    package var host: String?
    package var text: String
    /// What to do, as a command where there is one.
    package var mend: String

    package init(_ layer: PathLayer, _ component: String, on host: String? = nil, _ text: String, mend: String) {
        self.layer = layer
        self.component = component
        self.host = host
        self.text = text
        self.mend = mend
    }
}

extension PathVerdict: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        // Members of a newer server are passed over.
        var reader = try FieldReader(node, path: path)
        self.init(layers: try reader.required("layers"), fault: try reader.optional("fault"))
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("layers", layers)
            writer.member("fault", fault)
        }
    }
}

extension PathVerdict.Layer: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            try reader.required("layer"), try reader.required("state"), try reader.optional("evidence") ?? [])
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("layer", layer)
            writer.member("state", state)
            writer.member("evidence", evidence)
        }
    }
}

extension Evidence: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(try reader.required("text"), for: try reader.required("audience"))
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("audience", audience)
            writer.member("text", text)
        }
    }
}

extension PathFault: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            try reader.required("layer"), try reader.required("component"), on: try reader.optional("host"),
            try reader.required("text"), mend: try reader.required("mend"))
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("layer", layer)
            writer.member("component", component)
            writer.member("host", host)
            writer.member("text", text)
            writer.member("mend", mend)
        }
    }
}
