package import NetworkModel
package import Resources

/// A capture as it is now, with frames that were asked for.
package struct CaptureDocument: Sendable {
    package let id: ResourceID
    /// nil for who is not shown hosts.
    package let host: String?
    package let points: [CapturePoint]
    package let snapLength: Int
    package let seconds: Int
    /// nil until the host has answered.
    package let phase: ProbeResult.Phase?
    package let message: String?
    package let report: CaptureReport?
    package let chunks: [CaptureChunk]
    /// The number of the chunk after these.
    package let next: Int

    init(_ node: JSONNode) throws(FieldError) {
        // Members of a newer server are passed over.
        var reader = try FieldReader(node, path: "")
        id = try reader.required("id")
        host = try reader.optional("host")
        points = try reader.required("points")
        snapLength = try reader.required("snapLength")
        seconds = try reader.required("seconds")
        phase = try reader.optional("phase")
        message = try reader.optional("message")
        report = try reader.optional("report")
        chunks = try reader.required("chunks")
        next = try reader.required("next")
    }

    /// Nothing follows.
    package var isComplete: Bool {
        guard phase == .done || phase == .failed else { return false }
        return chunks.isEmpty || next >= report?.chunks ?? 0
    }
}

/// Captures of an attachment, which is named by name or id. All of it throws `APIProblem`, `APIFailure` and
/// `CancellationError`.
extension APIClient {
    /// - Parameter draft: writes the members of what is wanted.
    package func makeCapture(
        project: String, attachment: String, _ draft: (inout JSONWriter) -> Void
    ) async throws -> CaptureDocument {
        var writer = JSONWriter()
        writer.object(draft)
        let request = APIRequest(.post, path(project, attachment), body: writer.bytes)
        let node = try await send(request).json(of: request)
        return try promised(request) { () throws(FieldError) in try CaptureDocument(node) }
    }

    /// - Parameter number: of the first chunk that is wanted.
    package func capture(
        project: String, attachment: String, _ id: ResourceID, from number: Int
    ) async throws -> CaptureDocument {
        let request = APIRequest(
            .get, path(project, attachment) + [id.description], query: [("from", "\(number)")] + waiting)
        let node = try await send(request).json(of: request)
        return try promised(request) { () throws(FieldError) in try CaptureDocument(node) }
    }

    package func endCapture(project: String, attachment: String, _ id: ResourceID) async throws {
        _ = try await send(APIRequest(.delete, path(project, attachment) + [id.description]))
    }

    private func path(_ project: String, _ attachment: String) -> [String] {
        ["v1", "projects", project, "attachments", attachment, "captures"]
    }
}
