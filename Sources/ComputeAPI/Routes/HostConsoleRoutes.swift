import ComputeModel
import ComputeService
import HTTPServing
import HTTPTypes
import Persistence
import Resources

/// What the agent of a compute host asks about the consoles that its orders name.
struct HostConsoleRoutes: Sendable {
    let service: ComputeService

    private static let path = "/compute/v1/nodes/{host}/consoles/{session}"

    var routes: [Route] { [input, output] }

    private var input: Route {
        Route(
            method: .get, path: Self.path, operation: "followConsoleInput",
            summary: "What is typed at a console, as server-sent events: input, each once, and end.",
            access: .hostItself, answer: .named("ConsolePiece"), mediaType: "text/event-stream"
        ) { request throws(Problem) in
            .events(
                ConsoleStream(service: service, console: try await find(request), way: .input).source(from: 0))
        }
    }

    private var output: Route {
        Route(
            method: .put, path: Self.path, operation: "showAtConsole",
            summary: "A piece of what the guest writes; one that came already is no mistake.", access: .hostItself,
            parameters: [.pieceNumber], body: .named("ConsolePiece"), maximumBody: 65_536, status: .noContent
        ) { request throws(Problem) in
            let console = try await find(request)
            guard let number = try request.query.number("number"), number < 1 << 48 else {
                throw Problem(field: "number", value: "", rule: "is required: the number of the piece, from 0 on")
            }
            let piece: ConsolePiece
            do { piece = try ConsolePiece(json: try request.document(), path: "") } catch {
                throw Problem(reading: error)
            }
            try await service.take(piece, number: number, over: console, .output)
            return .nothing()
        }
    }

    /// Of a VM that is placed on the host that asks.
    private func find(_ request: RouteRequest) async throws(Problem) -> ConsoleSession {
        let host = try request.computeHost()
        let text = request.value("session")
        let gone = Problem(.notFound, "no VM on this host has a console session \(text.prefix(64))")
        guard let id = ResourceID(text) else { throw gone }
        if service.console(id) == nil { try await service.await(.consistent) }
        guard let console = service.console(id), service.cache.isPlaced(console.vm, on: host) else { throw gone }
        return console
    }
}
