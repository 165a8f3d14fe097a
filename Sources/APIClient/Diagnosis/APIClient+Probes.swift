package import NetworkModel
package import Resources

/// A diagnostic request and what hosts have answered so far.
package struct ProbeDocument: Sendable {
    package let id: ResourceID
    /// By host name; nil while a host has not answered.
    package let results: [String: ProbeResult?]
    /// As the API gave it.
    package let node: JSONNode

    init(_ node: JSONNode) throws(FieldError) {
        // Members of a newer server are passed over.
        var reader = try FieldReader(node, path: "")
        id = try reader.required("id")
        self.node = node
        guard let hosts = reader.node("hosts"), case .object(let members) = hosts.content else {
            throw FieldError(field: "hosts", rule: "must be an object")
        }
        var results: [String: ProbeResult?] = [:]
        for (name, answer) in members {
            var reader = try FieldReader(answer, path: "hosts.\(name)")
            results[name] = .some(try reader.optional("result", as: ProbeResult.self))
        }
        self.results = results
    }
}

/// Diagnostic requests. All of it throws `APIProblem`, `APIFailure` and `CancellationError`.
extension APIClient {
    /// Asks what the guards of an attachment's port drop.
    /// - Parameters: `attachment` is a name or an id; `seconds` is how long the host goes on answering, 0 for once.
    package func probeDrops(project: String, attachment: String, seconds: Int) async throws -> ProbeDocument {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("type", "drops")
            writer.member("attachment", attachment)
            writer.member("seconds", seconds)
        }
        let request = APIRequest(.post, ["v1", "projects", project, "probes"], body: writer.bytes)
        let node = try await send(request).json(of: request)
        return try promised(request) { () throws(FieldError) in try ProbeDocument(node) }
    }

    /// Asks what the DHCP servers of a gateway have given out.
    package func probeLeases(project: String, gateway: String) async throws -> ProbeDocument {
        try await ask("leases", project: project, gateway: gateway)
    }

    /// Asks what the translator between IPv6 and IPv4 of a gateway has counted.
    package func probeTranslation(project: String, gateway: String) async throws -> ProbeDocument {
        try await ask("translation", project: project, gateway: gateway)
    }

    /// Asks what the firewall of a gateway has dropped.
    package func probeDrops(project: String, gateway: String) async throws -> ProbeDocument {
        try await ask("gateway-drops", project: project, gateway: gateway)
    }

    private func ask(_ type: String, project: String, gateway: String) async throws -> ProbeDocument {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("type", type)
            writer.member("gateway", gateway)
        }
        let request = APIRequest(.post, ["v1", "projects", project, "probes"], body: writer.bytes)
        let node = try await send(request).json(of: request)
        return try promised(request) { () throws(FieldError) in try ProbeDocument(node) }
    }

    /// Asks whether and how two ends reach each other; the answer has the member `verdict` once it can be told.
    /// - Parameters: `from` and `to` are attachments by name, id or address, or hosts as `host/NAME`.
    package func probePath(project: String, from: String, to: String, flow: PathFlow) async throws -> ProbeDocument {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("type", "path")
            writer.member("from", from)
            writer.member("to", to)
            writer.member("flow", flow)
        }
        let request = APIRequest(.post, ["v1", "projects", project, "probes"], body: writer.bytes)
        let node = try await send(request).json(of: request)
        return try promised(request) { () throws(FieldError) in try ProbeDocument(node) }
    }

    package func probe(project: String, _ id: ResourceID) async throws -> ProbeDocument {
        let request = APIRequest(.get, ["v1", "projects", project, "probes", id.description], query: waiting)
        let node = try await send(request).json(of: request)
        return try promised(request) { () throws(FieldError) in try ProbeDocument(node) }
    }

    package func endProbe(project: String, _ id: ResourceID) async throws {
        _ = try await send(APIRequest(.delete, ["v1", "projects", project, "probes", id.description]))
    }
}
