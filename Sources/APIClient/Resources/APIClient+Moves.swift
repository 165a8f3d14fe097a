package import Resources

/// Where a gateway's role is.
package struct GatewayMoveDocument: Sendable, Hashable {
    /// "settled", "preparing" or "leaving".
    package let phase: String
    /// The fencing token of whoever has the role.
    package let term: UInt64
    /// "host h1", "attachment fw".
    package let holder: String
    package let next: String?
    package let waitsFor: [String]

    init(_ node: JSONNode) throws(FieldError) {
        // Members of a newer server are passed over.
        var reader = try FieldReader(node, path: "")
        phase = try reader.required("phase")
        term = try reader.required("term")
        holder = try Self.place(reader.node("holder"), "holder") ?? ""
        next = try Self.place(reader.node("next"), "next")
        waitsFor = try reader.optional("waitsFor") ?? []
    }

    private static func place(_ node: JSONNode?, _ path: String) throws(FieldError) -> String? {
        guard let node else { return nil }
        var reader = try FieldReader(node, path: path)
        if let host = try reader.optional("host", as: String.self) { return "host \(host)" }
        return try reader.optional("attachment", as: String.self).map { "attachment \($0)" }
    }
}

/// Moves of gateways. All of it throws `APIProblem`, `APIFailure` and `CancellationError`.
extension APIClient {
    /// - Parameters: `host` and `attachment` are names or ids; exactly one is there.
    package func moveGateway(project: String, _ gateway: String, host: String?, attachment: String?) async throws
        -> GatewayMoveDocument
    {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("to", host)
            writer.member("attachment", attachment)
        }
        return try await move(APIRequest(.post, path(project, gateway), body: writer.bytes))
    }

    package func cancelMove(project: String, _ gateway: String) async throws -> GatewayMoveDocument {
        try await move(APIRequest(.post, path(project, gateway) + ["cancel"]))
    }

    package func move(project: String, _ gateway: String) async throws -> GatewayMoveDocument {
        try await move(APIRequest(.get, path(project, gateway), query: waiting))
    }

    /// What a managed gateway routes, as the API gives it.
    package func routes(project: String, _ gateway: String) async throws -> JSONNode {
        let request = APIRequest(.get, ["v1", "projects", project, "gateways", gateway, "routes"], query: waiting)
        return try await send(request).json(of: request)
    }

    private func path(_ project: String, _ gateway: String) -> [String] {
        ["v1", "projects", project, "gateways", gateway, "move"]
    }

    private func move(_ request: APIRequest) async throws -> GatewayMoveDocument {
        let node = try await send(request).json(of: request)
        return try promised(request) { () throws(FieldError) in try GatewayMoveDocument(node) }
    }
}
