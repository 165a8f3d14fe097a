package import Addressing
package import NetworkModel
package import Resources

/// Which frames of an attachment somebody wants to see.
package struct CaptureDraft: Sendable {
    /// nil: all that whoever asks may have.
    package var points: [CapturePoint]?
    package var flow: CaptureFlow?
    package var peer: IPv6Address?
    package var snapLength: Int
    package var pace: Int
    package var bytes: Int
    package var seconds: Int

    package init(json node: JSONNode) throws(FieldError) {
        var reader = try FieldReader(node, path: "")
        points = try reader.optional("points")
        flow = try reader.optional("flow")
        peer = try reader.optional("peer")
        snapLength = try reader.optional("snapLength") ?? CaptureTask.standardSnapLength
        pace = try reader.optional("pace") ?? CaptureTask.standardPace
        bytes = try reader.optional("bytes") ?? CaptureTask.standardBytes
        seconds = try reader.optional("seconds") ?? CaptureTask.standardSeconds
        guard (1...DesiredProbe.maximumSeconds).contains(seconds) else {
            throw FieldError(
                field: "seconds", value: "\(seconds)", rule: "must be from 1 to \(DesiredProbe.maximumSeconds)")
        }
        try reader.finish()
    }
}
