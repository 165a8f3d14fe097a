package import Resources

/// Why one dropped frame was dropped: the rules it met, the element that was missing, whose it was, and what lets it
/// through.
package struct FrameExplanation: Hashable, Sendable {
    package enum Sender: String, Choice {
        /// The attachment itself: its own guest sent the frame.
        case itself
        /// Another attachment of the project.
        case project
        /// An attachment of another project.
        case tenant
        /// Nobody that KC knows.
        case outside
    }

    /// The port, as a step of a trace. It passes when the plans of now would let the frame pass.
    package var step: TraceStep
    package var sender: Sender
    /// Of `project`: the attachment; of `tenant`, for who may see it: project and attachment.
    package var name: String?
    /// What makes it an attack, or looks like one; nil when nothing does. A sentence without its full stop.
    package var suspicion: String?

    package init(step: TraceStep, sender: Sender, name: String? = nil, suspicion: String? = nil) {
        self.step = step
        self.sender = sender
        self.name = name
        self.suspicion = suspicion
    }

    /// The same for who may see the project and nothing of hosts or other projects.
    package var forProject: FrameExplanation {
        FrameExplanation(
            step: step.forProject, sender: sender, name: sender == .tenant ? nil : name, suspicion: suspicion)
    }
}

extension FrameExplanation: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        // Members of a newer server are passed over.
        var reader = try FieldReader(node, path: path)
        self.init(
            step: try reader.required("step"), sender: try reader.required("sender"),
            name: try reader.optional("name"), suspicion: try reader.optional("suspicion"))
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("step", step)
            writer.member("sender", sender)
            writer.member("name", name)
            writer.member("suspicion", suspicion)
        }
    }
}
