import Addressing
package import NetworkModel
package import Resources

/// What an agent asks of the API. All of it throws `APIProblem`, `APIFailure` and `CancellationError`.
extension APIClient {
    /// Opens the stream of everything this host must realise. The first update resets; each later one is merged into
    /// the snapshot before (`HostSnapshot`). After an error, open it again: the new stream begins with a reset.
    ///
    /// Of several servers one may be behind what another has told: it is waited for, and then another one is asked. A revision
    /// that none of them knows any more was lost with the store, and is forgotten.
    /// - Parameter host: the host's name or id.
    package func desiredUpdates(host: String) async throws -> HostUpdates {
        var request = APIRequest(.get, ["v1", "hosts", host, "desired"])
        request.headers = [(HostUpdateFormat.header, "\(HostUpdateFormat.newest.rawValue)")]
        let known = endpoint.alternatives.isEmpty ? .zero : seen
        if known != .zero { request.query = [("minRevision", "\(known)")] }
        do {
            let updates = HostUpdates(events: try await events(request, maximumEvent: EventStreamParser.largeEvent)) {
                self.remember($0)
            }
            isBehind(false)
            return updates
        } catch let problem as APIProblem where problem.status == 504 && known != .zero {
            isBehind(true)
            throw problem
        } catch let problem as APIProblem where problem.status == 422 && known != .zero {
            // A server of before, which cannot be asked for a revision here.
            request.query = []
            return HostUpdates(events: try await events(request, maximumEvent: EventStreamParser.largeEvent)) {
                self.remember($0)
            }
        }
    }

    /// Publishes the addresses that the host has learned on its ports of one segment, all of them: those that are not
    /// in the list are given back. To be called when the list has changed, at most once a second and segment; faster
    /// ones are refused with `rate-limited`, which changes nothing.
    /// - Returns: which of them are not granted, and who holds them.
    package func publish(host: String, segment: ResourceID, _ learned: LearnedAddresses) async throws -> LearnedAnswer {
        let request = APIRequest(
            .put, ["v1", "hosts", host, "bindings", segment.description], body: learned.json)
        let node = try await send(request).json(of: request)
        return try promised(request) { () throws(FieldError) in try LearnedAnswer(json: node, path: "") }
    }

    /// Writes what the host found about a probe; at most once a second and probe (`rate-limited` otherwise). A probe
    /// that has ended is `not-found`: then stop.
    package func answer(host: String, probe: ResourceID, _ result: ProbeResult) async throws {
        _ = try await send(
            APIRequest(.put, ["v1", "hosts", host, "probes", probe.description], body: result.json))
    }

    /// Writes captured frames; the same chunk may be written again. A capture that has ended is `not-found`: then stop.
    package func deliver(host: String, probe: ResourceID, _ chunk: CaptureChunk, number: Int) async throws {
        _ = try await send(
            APIRequest(
                .put, ["v1", "hosts", host, "probes", probe.description, "chunks", "\(number)"], body: chunk.json))
    }

    /// Writes what the host says about resources, all in one store transaction.
    /// - Returns: the store revision that has it.
    @discardableResult
    package func report(host: String, _ reports: [ResourceReport]) async throws -> Revision {
        var writer = JSONWriter()
        writer.object { $0.member("reports", reports) }
        let request = APIRequest(.post, ["v1", "hosts", host, "reports"], body: writer.bytes)
        let node = try await send(request).json(of: request)
        return try promised(request) { () throws(FieldError) in
            var reader = try FieldReader(node, path: "")
            return try reader.required("revision")
        }
    }

    /// Says that the agent is alive; to be repeated every `leaseInterval`. No write in the store.
    /// - Parameter agent: which one, so that two for one host are told apart.
    /// - Returns: the revision of the store that the server shows; nil from one that does not say.
    @discardableResult
    package func renewLease(host: String, agent: AgentInstance? = nil) async throws -> Revision? {
        var request = APIRequest(.post, ["v1", "hosts", host, "lease"], timeout: .seconds(5))
        if let agent { request.headers = [(AgentInstance.header, agent.headerText)] }
        return try await send(request).revision
    }

    /// Asks for a certificate for this host.
    /// - Parameter request: of a `ClientKey`.
    /// - Returns: the certificate, and all that the API is to be trusted by from now on, both as PEM.
    package func certify(host: String, request text: String) async throws -> (certificate: String, trust: String) {
        var writer = JSONWriter()
        writer.object { $0.member("request", text) }
        let request = APIRequest(.post, ["v1", "hosts", host, "certificate"], body: writer.bytes)
        let node = try await send(request).json(of: request)
        return try promised(request) { () throws(FieldError) in
            var reader = try FieldReader(node, path: "")
            return (try reader.required("certificate"), try reader.required("trust"))
        }
    }

    /// How often a lease is renewed; it ends 10 s after the last renewal.
    package static let leaseInterval = Duration.seconds(3)

    /// Makes this machine a host. The client's token is the join token, which is used up by success.
    /// - Returns: the host's resource and the credential with which its agent calls from now on.
    package func join(_ host: JoinRequest) async throws -> (host: ResourceDocument, credential: String) {
        let request = APIRequest(.post, ["v1", "join"], body: host.json)
        let node = try await send(request).json(of: request)
        return try promised(request) { () throws(FieldError) in
            var reader = try FieldReader(node, path: "")
            guard let host = reader.node("host") else { throw FieldError(field: "host", rule: "is required") }
            return (try ResourceDocument(host), try reader.required("credential"))
        }
    }
}

/// The name and underlay port with which a machine becomes a host.
package struct JoinRequest: Hashable, JSONWritable {
    package var name: Name
    package var spec: Host.Spec

    package init(name: Name, spec: Host.Spec) {
        self.name = name
        self.spec = spec
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("name", name)
            writer.member("vtep", spec.vtep)
            writer.member("interface", spec.interface)
            if !spec.roles.isEmpty { writer.member("roles", spec.roles) }
        }
    }
}

/// What a host says about one resource; nil takes back what it said before.
package struct ResourceReport: Hashable, JSONWritable {
    package var kind: KindName
    package var id: ResourceID
    package var report: Report?

    package init(kind: KindName, id: ResourceID, report: Report?) {
        self.kind = kind
        self.id = id
        self.report = report
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("kind", kind.singular)
            writer.member("id", id)
            writer.name("report")
            if let report { report.write(to: &writer) } else { writer.null() }
        }
    }
}
