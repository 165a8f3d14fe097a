package import NetworkModel
package import Resources

/// Predictions. Throws `APIProblem`, `APIFailure` and `CancellationError`.
extension APIClient {
    /// Asks for the predicted way of a frame.
    /// - Parameter query: the parameters of the route, as `from`, `to`, `flow`.
    package func trace(project: String, _ query: [(name: String, value: String)]) async throws -> (Trace, JSONNode) {
        let request = APIRequest(.get, ["v1", "projects", project, "trace"], query: query + waiting)
        let node = try await send(request).json(of: request)
        return (try promised(request) { () throws(FieldError) in try Trace(json: node, path: "") }, node)
    }
}

extension APIClient {
    /// Asks why a frame is dropped at an attachment's port.
    package func explain(
        project: String, attachment: String, _ frame: DroppedFrame
    ) async throws -> FrameExplanation {
        let request = APIRequest(
            .post, ["v1", "projects", project, "attachments", attachment, "explain"], query: waiting, body: frame.json)
        let node = try await send(request).json(of: request)
        return try promised(request) { () throws(FieldError) in try FrameExplanation(json: node, path: "") }
    }
}
