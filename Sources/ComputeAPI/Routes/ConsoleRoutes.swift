import ComputeModel
import ComputeService
import HTTPServing
import HTTPTypes
import Resources

/// The serial consoles of VMs: whoever may change a VM comes to its console, sees what its guest writes, and types.
struct ConsoleRoutes: Sendable {
    let service: ComputeService

    private static let path = ComputeRoutes.collection(.vm) + "/{item}/console"

    var routes: [Route] { [open, follow, type, leave] }

    private var open: Route {
        Route(
            method: .post, path: Self.path, operation: "openConsole",
            summary:
                "Comes to the console of a VM, where one is at a time; it is left when nobody follows it for 30 s.",
            access: .kind(.vm), parameters: [.minRevision], body: .named("ConsoleDraft"), status: .created,
            answer: .named("Console")
        ) { request throws(Problem) in
            let force: Bool
            do {
                var reader = try FieldReader(try request.document(), path: "")
                force = try reader.optional("force") ?? false
                try reader.finish()
            } catch { throw Problem(reading: error) }
            let console = try await service.openConsole(
                of: request.value("item"), in: try request.project(), force: force, by: request.principal)
            var writer = JSONWriter()
            writer.object { writer in
                writer.member("session", console.session)
                writer.member("vm", console.vm)
                writer.member("by", console.by)
                writer.member("since", console.since)
            }
            return .json(writer.bytes)
        }
    }

    private var follow: Route {
        Route(
            method: .get, path: Self.path + "/{session}", operation: "followConsole",
            summary: "What the guest writes, as server-sent events: output, whose ids count from 0 on, and end.",
            access: .kind(.vm), parameters: [.fromPiece], answer: .named("ConsolePiece"),
            mediaType: "text/event-stream"
        ) { request throws(Problem) in
            let console = try await find(request)
            return .events(
                ConsoleStream(service: service, console: console, way: .output)
                    .source(from: try request.query.number("from") ?? 0))
        }
    }

    private var type: Route {
        Route(
            method: .post, path: Self.path + "/{session}/input", operation: "typeAtConsole",
            summary: "What is typed, as it is; pieces are numbered from 0 on, and one that came already is no mistake.",
            access: .kind(.vm), parameters: [.pieceNumber], body: Schema(#"{"type":"string","format":"binary"}"#),
            maximumBody: ConsolePiece.maximum, status: .noContent
        ) { request throws(Problem) in
            let console = try await find(request)
            guard let number = try request.query.number("number"), number < 1 << 48 else {
                throw Problem(field: "number", value: "", rule: "is required: the number of the piece, from 0 on")
            }
            guard !request.body.isEmpty else { throw Problem(.malformed, "the piece is empty") }
            try await service.take(ConsolePiece(request.body), number: number, over: console, .input)
            return .nothing()
        }
    }

    private var leave: Route {
        Route(
            method: .delete, path: Self.path + "/{session}", operation: "leaveConsole",
            summary: "Leaves a console; the VM goes on.", access: .kind(.vm), status: .noContent
        ) { request throws(Problem) in
            try await service.endConsole(try await find(request), why: "left")
            return .nothing()
        }
    }

    /// Each time anew whether that one may: a role can be taken away while somebody is there.
    private func find(_ request: RouteRequest) async throws(Problem) -> ConsoleSession {
        let project = try request.project()
        let item = try service.find(.vm, in: project, request.value("item"), for: request.principal)
        guard request.principal.may(.update, .vm, in: project, item.resource.metadata.labels) else {
            throw Problem(.forbidden, "\(request.principal) may not be at consoles of project '\(project.name)'")
        }
        let console = try await service.findConsole(request.value("session"), of: item.id)
        guard console.by == "\(request.principal)" else {
            throw Problem(.forbidden, "that is the session of \(console.by)")
        }
        return console
    }
}

extension Parameter {
    fileprivate static let fromPiece = Parameter(
        name: "from", summary: "The number of the first piece that is wanted; older ones than 64 are forgotten.",
        schema: .revision)
    static let pieceNumber = Parameter(name: "number", summary: "Of the piece, from 0 on.", schema: .revision)
}
