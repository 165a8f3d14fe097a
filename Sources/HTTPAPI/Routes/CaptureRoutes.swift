import HTTPServing
import Hummingbird
import NetworkModel
import NetworkService
import Resources

/// Frames of an attachment, copied at its host. Whoever may change the attachment may ask; a tenant for its port alone.
struct CaptureRoutes: Sendable {
    let service: NetworkService

    private static let path = "/v1/projects/{project}/attachments/{item}/captures"

    var routes: [Route] { [create, read, delete] }

    private var create: Route {
        Route(
            method: .post, path: Self.path, operation: "createCapture",
            summary: "Asks the attachment's host for its frames; they go a minute after the last.",
            access: .kind(.attachment, .update), body: .named("CaptureDraft"), status: .created,
            answer: .named("Capture")
        ) { request throws(Problem) in
            let draft: CaptureDraft
            do { draft = try CaptureDraft(json: try request.document()) } catch { throw Problem(reading: error) }
            let (json, revision) = try await service.makeCapture(
                project: request.value("project"), attachment: request.value("item"), draft, by: request.principal,
                request.view)
            return .json(json, written: revision)
        }
    }

    private var read: Route {
        Route(
            method: .get, path: Self.path + "/{capture}", operation: "readCapture",
            summary: "Reads a capture, and its frames from a chunk on.", access: .kind(.attachment, .update),
            parameters: [.fromChunk, .minRevision, .consistent], answer: .named("Capture")
        ) { request throws(Problem) in
            let number = try request.query.number("from") ?? 0
            guard number <= UInt64(CaptureChunk.maximumCount) else {
                throw Problem(
                    field: "from", value: "\(number)", rule: "must be from 0 to \(CaptureChunk.maximumCount)")
            }
            return .json(
                try await service.capture(
                    project: request.value("project"), attachment: request.value("item"), request.value("capture"),
                    from: Int(number), by: request.principal, request.view))
        }
    }

    private var delete: Route {
        Route(
            method: .delete, path: Self.path + "/{capture}", operation: "deleteCapture",
            summary: "Ends a capture; its frames are gone.", access: .kind(.attachment, .update), status: .noContent
        ) { request throws(Problem) in
            try await service.endCapture(
                project: request.value("project"), attachment: request.value("item"), request.value("capture"),
                by: request.principal)
            return .nothing()
        }
    }
}

extension Parameter {
    fileprivate static let fromChunk = Parameter(
        name: "from", summary: "The number of the first chunk that is wanted: `next` of the answer before.",
        schema: Schema(#"{"type":"integer","minimum":0,"maximum":1208,"default":0}"#))
}
