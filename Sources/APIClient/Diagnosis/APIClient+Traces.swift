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
