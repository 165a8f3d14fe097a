import APIClient
import NetworkModel
import Resources

/// Faults that are made through the API, as a person would make them.
extension Laboratory {
    /// Tells the API, and waits until the host's agent says that it took notice.
    func setPaused(_ host: Name, _ isPaused: Bool) async throws(LaboratoryError) {
        try await throughAPI(isPaused ? "pause" : "resume", host) { client in
            let hosts = ResourceCollection(Host.kind, project: "")
            try await replace(hosts, host, client) { (spec: inout Host.Spec) in spec.isPaused = isPaused }
            try await eventually(isPaused ? "pause" : "resume", host.text, within: .seconds(5)) {
                // Asked again: a server that is busy is no fault of the host's.
                let message = try? await client.get(hosts, host.text).message
                return (message?.hasPrefix("paused") ?? false) == isPaused
            }
        }
    }

    func makePolicy(_ name: Name, in project: Name) async throws(LaboratoryError) {
        try await throughAPI("make policy", name) { client in
            var writer = JSONWriter()
            writer.object { writer in
                writer.member("name", name)
                writer.member("spec", Policy.Spec())
            }
            _ = try await client.create(ResourceCollection(Policy.kind, project: project.text), writer.bytes)
        }
    }

    func removePolicy(_ name: Name, in project: Name) async throws(LaboratoryError) {
        try await throughAPI("remove policy", name) { client in
            try await client.delete(ResourceCollection(Policy.kind, project: project.text), name.text)
        }
    }

    func setPolicies(_ names: [String], of attachment: Name, in project: Name) async throws(LaboratoryError) {
        try await throughAPI("give policies to", attachment) { client in
            var writer = JSONWriter()
            writer.object { $0.member("policies", names) }
            var reader = try FieldReader(try JSONParser.parse(writer.bytes), path: "")
            let references = try reader.required("policies", as: [PolicyReference].self)
            try await replace(
                ResourceCollection(Attachment.kind, project: project.text), attachment, client
            ) { (spec: inout Attachment.Spec) in spec.policies = references }
        }
    }

    private func throughAPI(
        _ operation: String, _ subject: Name, _ work: (APIClient) async throws -> Void
    ) async throws(LaboratoryError) {
        let client = try client()
        var failure: (any Error)?
        do { try await work(client) } catch { failure = error }
        await client.shutdown()
        if let failure = failure as? LaboratoryError { throw failure }
        if let failure {
            throw LaboratoryError(.program, operation: operation, subject: subject.text, message: "\(failure)")
        }
    }

    /// The resource as it is, with another specification.
    private func replace<Spec: JSONCodable>(
        _ collection: ResourceCollection, _ name: Name, _ client: APIClient, _ change: (inout Spec) -> Void
    ) async throws {
        let old = try await client.get(collection, name.text)
        guard let node = old.spec else { throw FieldError(field: "spec", rule: "is missing") }
        var spec = try Spec(json: node, path: "spec")
        change(&spec)
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("name", old.name)
            writer.member("protected", old.isProtected)
            writer.member("labels", old.labels)
            writer.member("spec", spec)
        }
        _ = try await client.update(collection, name.text, writer.bytes, ifMatch: old.revision)
    }
}
