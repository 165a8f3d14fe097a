import FoundationEssentials
import HTTPServing
import HTTPTypes
import Hummingbird
import NetworkModel
import NetworkService
import Persistence
import Resources

/// What machines call: joining, and an agent's own endpoints.
struct NodeRoutes: Sendable {
    let service: NetworkService
    let authenticator: any Authenticator
    /// Where machines that join find this server; nil when it cannot know.
    let url: String?
    /// Lists of learned addresses, by host and segment, and answers, by host and probe.
    let pace = RequestPace()
    /// Chunks of captures, by host and probe.
    let chunkPace = RequestPace(burst: 12, perSecond: 6)

    var routes: [Route] { [makeJoinToken, join, rotate, desired, reports, bindings, answers, frames, lease] }

    private var makeJoinToken: Route {
        Route(
            method: .post, path: "/v1/join-tokens", operation: "createJoinToken",
            summary: "Makes a token with which one machine becomes a host, once.", access: .administrator,
            body: .named("JoinTokenDraft"), status: .created, answer: .named("JoinToken")
        ) { request throws(Problem) in
            let seconds: Int
            do {
                var reader = try FieldReader(
                    request.body.isEmpty ? JSONNode(content: .object([]), raw: []) : try request.document(), path: "")
                seconds = try reader.optional("ttlSeconds") ?? 600
                try reader.finish()
                guard (10...86_400).contains(seconds) else {
                    throw FieldError(field: "ttlSeconds", value: "\(seconds)", rule: "must be from 10 to 86400")
                }
            } catch { throw Problem(reading: error) }
            do {
                let token = try await authenticator.makeJoinToken(ttl: .seconds(seconds), now: .now)
                var writer = JSONWriter()
                writer.object { writer in
                    writer.member("token", token.text)
                    writer.member("expires", token.expires)
                    writer.member("fingerprint", token.fingerprint)
                    writer.member("url", url)
                }
                return .json(writer.bytes)
            } catch { throw Problem(reading: error) }
        }
    }

    private var join: Route {
        Route(
            method: .post, path: "/v1/join", operation: "join",
            summary: "Makes the calling machine a host and gives it its credential.", access: .joining,
            body: .named("Join"), status: .created, answer: .named("Joined")
        ) { request throws(Problem) in
            guard case .joining(let digest) = request.principal else {
                throw Problem(.forbidden, "joining takes a join token; an administrator creates a host instead")
            }
            let document = try hostDocument(request)
            let id = ResourceID.random()
            let enrolment: Enrolment?
            do { enrolment = try await authenticator.redeem(tokenDigest: digest, for: id) } catch {
                throw Problem(reading: error)
            }
            guard let enrolment else { throw Problem(.unauthenticated, "the join token was used up") }
            let written = try await service.create(
                .host, document, by: request.principal, id: id,
                alongside: Alongside(conditions: enrolment.conditions, changes: enrolment.changes))
            guard let item = written.item else {
                throw Problem(.unavailable, "the host was made at revision \(written.revision) but does not show yet")
            }
            var writer = JSONWriter()
            writer.object { writer in
                writer.name("host")
                writer.raw(item.json)
                writer.member("credential", enrolment.credential)
            }
            return .json(writer.bytes, revision: item.revision, written: written.revision)
        }
    }

    /// `{name, vtep, interface, roles?}` as the document of a host.
    private func hostDocument(_ request: RouteRequest) throws(Problem) -> JSONNode {
        var writer = JSONWriter()
        do {
            var reader = try FieldReader(try request.document(), path: "")
            let name = try reader.required("name", as: Name.self)
            var spec = JSONWriter()
            spec.object { spec in
                for member in ["vtep", "interface", "roles"] {
                    guard let node = reader.node(member) else { continue }
                    spec.name(member)
                    spec.raw(node.raw)
                }
            }
            try reader.finish()
            writer.object { writer in
                writer.member("name", name)
                writer.name("spec")
                writer.raw(spec.bytes)
            }
            return try JSONParser.parse(writer.bytes)
        } catch { throw Problem(reading: error) }
    }

    private var rotate: Route {
        Route(
            method: .post, path: "/v1/hosts/{host}/credential", operation: "rotateHostCredential",
            summary: "Gives a host a new credential; the old one is dead at once.", access: .administrator,
            status: .created, answer: .named("Credential")
        ) { request throws(Problem) in
            let host = try await service.find(.host, request.value("host"))
            let enrolment: Enrolment
            let outcome: CommitOutcome
            do {
                enrolment = try await authenticator.rotate(for: host.id)
                outcome = try await service.store.commit(
                    StoreTransaction(conditions: enrolment.conditions, changes: enrolment.changes))
            } catch { throw Problem(reading: error) }
            guard case .committed = outcome else {
                throw Problem(.conflict, "the credential was rotated by another request at the same time")
            }
            var writer = JSONWriter()
            writer.object { $0.member("credential", enrolment.credential) }
            return .json(writer.bytes)
        }
    }

    private var desired: Route {
        Route(
            method: .get, path: "/v1/hosts/{host}/desired", operation: "followDesiredState",
            summary: "Streams what the host must realise: first everything, then what changes.", access: .hostItself,
            parameters: [.desiredFormat, .minRevision], answer: .named("HostUpdate"), mediaType: "text/event-stream"
        ) { request throws(Problem) in
            let host = try await service.find(.host, request.value("host"))
            let text = request.headers[.desiredFormat]
            guard let format = HostUpdateFormat(header: text) else {
                throw Problem(
                    .malformed, "\(HostUpdateFormat.header) must be a number from 1 on",
                    field: HostUpdateFormat.header, value: String((text ?? "").prefix(64)))
            }
            return .events(try DesiredStream(service: service, host: host.id, format: format).source())
        }
    }

    private var bindings: Route {
        Route(
            method: .put, path: "/v1/hosts/{host}/bindings/{segment}", operation: "publishLearnedAddresses",
            summary:
                "Takes over all addresses that the host has learned on a segment; what is not listed is given back.",
            access: .hostItself, body: .named("LearnedAddresses"), answer: .named("LearnedAnswer")
        ) { request throws(Problem) in
            let host = try await service.find(.host, request.value("host"))
            guard let segment = ResourceID(request.value("segment")) else {
                throw Problem(field: "segment", value: request.value("segment"), rule: "must be an id")
            }
            try pace.admit(RequestPace.Key(host: host.id, subject: segment))
            let list: LearnedAddresses
            do { list = try LearnedAddresses(json: try request.document(), path: "") } catch {
                throw Problem(reading: error)
            }
            let answer = try await service.publish(list, on: segment, from: host.id)
            return .json(answer.json, written: answer.revision)
        }
    }

    private var answers: Route {
        Route(
            method: .put, path: "/v1/hosts/{host}/probes/{probe}", operation: "answerProbe",
            summary: "Takes over what the host found about a probe; a later answer replaces it.",
            access: .hostItself, body: .named("ProbeResult"), status: .noContent
        ) { request throws(Problem) in
            let host = try await service.find(.host, request.value("host"))
            guard let probe = ResourceID(request.value("probe")) else {
                throw Problem(field: "probe", value: request.value("probe"), rule: "must be an id")
            }
            try pace.admit(RequestPace.Key(host: host.id, subject: probe))
            let result: ProbeResult
            do { result = try ProbeResult(json: try request.document(), path: "") } catch {
                throw Problem(reading: error)
            }
            try await service.answer(result, to: probe, from: host.id)
            return .nothing()
        }
    }

    private var frames: Route {
        Route(
            method: .put, path: "/v1/hosts/{host}/probes/{probe}/chunks/{chunk}", operation: "deliverFrames",
            summary: "Takes over frames that the host has captured; the same chunk may come again.",
            access: .hostItself, body: .named("CaptureChunk"), maximumBody: CaptureChunk.maximumJSON, status: .noContent
        ) { request throws(Problem) in
            let host = try await service.find(.host, request.value("host"))
            guard let probe = ResourceID(request.value("probe")) else {
                throw Problem(field: "probe", value: request.value("probe"), rule: "must be an id")
            }
            let text = request.value("chunk")
            guard let number = UInt16(text).map(Int.init), number < CaptureChunk.maximumCount else {
                throw Problem(
                    field: "chunk", value: String(text.prefix(64)),
                    rule: "must be from 0 to \(CaptureChunk.maximumCount - 1)")
            }
            try chunkPace.admit(RequestPace.Key(host: host.id, subject: probe))
            let chunk: CaptureChunk
            do { chunk = try CaptureChunk(json: try request.document(), path: "") } catch {
                throw Problem(reading: error)
            }
            try await service.take(chunk, number: number, of: probe, from: host.id)
            return .nothing()
        }
    }

    private var reports: Route {
        Route(
            method: .post, path: "/v1/hosts/{host}/reports", operation: "report",
            summary: "Takes over what the host says about its resources.", access: .hostItself,
            body: .named("Reports"), answer: .named("Reported")
        ) { request throws(Problem) in
            let host = try await service.find(.host, request.value("host"))
            let revision = try await service.report(try drafts(try request.document()), from: host.id)
            var writer = JSONWriter()
            writer.object { $0.member("revision", revision) }
            return .json(writer.bytes, written: revision)
        }
    }

    private func drafts(_ document: JSONNode) throws(Problem) -> [ReportDraft] {
        do {
            var reader = try FieldReader(document, path: "")
            guard let list = reader.node("reports"), case .array(let nodes) = list.content else {
                throw FieldError(field: "reports", rule: "must be an array")
            }
            try reader.finish()
            guard nodes.count <= ReportDraft.maximumCount else {
                throw FieldError(field: "reports", rule: "must be at most \(ReportDraft.maximumCount)")
            }
            return try nodes.enumerated().map { index, node in
                let path = "reports[\(index)]"
                var reader = try FieldReader(node, path: path)
                let text = try reader.required("kind", as: String.self)
                guard let kind = Kind(rawValue: text) else {
                    throw FieldError(field: path + ".kind", value: text, rule: "must be a kind")
                }
                let id = try reader.required("id", as: ResourceID.self)
                let report = try reader.optional("report", as: Report.self)
                try reader.finish()
                try report?.requireBounded(path: path + ".report")
                return ReportDraft(kind: kind, id: id, report: report)
            }
        } catch { throw Problem(reading: error) }
    }

    private var lease: Route {
        Route(
            method: .post, path: "/v1/hosts/{host}/lease", operation: "renewLease",
            summary:
                "Says that the host's agent is there; it counts as up for 10 s. `KC-Revision` of the answer is what its "
                + "stream has told by then, or tells within a second or two.",
            access: .hostItself,
            parameters: [.agent], status: .noContent
        ) { request throws(Problem) in
            let host = try await service.find(.host, request.value("host"))
            var agent: AgentSighting?
            if let text = request.headers[.agent] {
                guard let instance = AgentInstance(header: text) else {
                    throw Problem(
                        .malformed, "\(AgentInstance.header) must be an id, or two with a space between them",
                        field: AgentInstance.header, value: String(text.prefix(64)))
                }
                agent = AgentSighting(instance, address: ConnectionOrigin.current?.address ?? "")
            }
            try await service.renew(host: host.id, by: agent)
            return .nothing(written: service.cache.revision)
        }
    }
}

extension Report {
    /// What an agent may at most say about one resource.
    func requireBounded(path: String) throws(FieldError) {
        guard (message?.utf8.count ?? 0) <= 2048 else {
            throw FieldError(field: path + ".message", rule: "must be at most 2048 bytes")
        }
        guard learned.count <= 64 else { throw FieldError(field: path + ".learned", rule: "must be at most 64") }
        guard details.count <= 64, details.allSatisfy({ $0.key.utf8.count <= 64 && $0.value.utf8.count <= 1024 }) else {
            throw FieldError(
                field: path + ".details", rule: "must be at most 64, with names of 64 and values of 1024 bytes")
        }
    }
}
