import ComputeModel
import ComputePorts
import ComputeService
import HTTPServing
import HTTPTypes
import ImageFormats
import Persistence
import Resources

/// The bytes of images: they come in pieces, each where the last one ended, and go on where they stopped.
struct ImageRoutes: Sendable {
    let service: ComputeService
    let images: any ImageStore
    let imports: ImageIntake

    private static let item = ComputeRoutes.collection(.image) + "/{item}"

    var routes: [Route] { [state, append, download] }

    private var state: Route {
        Route(
            method: .get, path: Self.item + "/upload", operation: "readImageUpload",
            summary: "How many bytes of an image are there: where the next piece begins.", access: .kind(.image),
            answer: .named("Upload")
        ) { request throws(Problem) in
            let item = try service.find(
                .image, in: try request.project(), request.value("item"), for: request.principal)
            return .json(Self.render(try await imports.received(item)))
        }
    }

    private var append: Route {
        Route(
            method: .post, path: Self.item + "/upload", operation: "uploadImage",
            summary:
                "Adds a piece of at most \(ImagePiece.maximum >> 20) MiB. With the last one the image is checked, and "
                + "is ready or refused.",
            access: .kind(.image), parameters: [.offset], body: Schema(#"{"type":"string","format":"binary"}"#),
            maximumBody: ImagePiece.maximum, answer: .named("Upload")
        ) { request throws(Problem) in
            let project = try request.project()
            let item = try service.find(.image, in: project, request.value("item"), for: request.principal)
            guard request.principal.may(.update, .image, in: project, item.resource.metadata.labels) else {
                throw Problem(.forbidden, "\(request.principal) may not bring images to project '\(project.name)'")
            }
            guard try service.imageSpec(item).url == nil else {
                throw Problem(.conflict, "the server fetches this image from its spec.url: nobody else brings it")
            }
            guard let offset = try request.query.number("offset") else {
                throw Problem(field: "offset", value: "", rule: "is required: how many bytes came before")
            }
            guard !request.body.isEmpty else { throw Problem(.malformed, "the piece is empty") }
            return .json(Self.render(try await imports.append(request.body, to: item, at: offset)))
        }
    }

    private var download: Route {
        Route(
            method: .get, path: Self.item + "/data", operation: "downloadImage",
            summary: "The bytes of an image that is ready, or the range of them that is asked for.",
            access: .kind(.image), parameters: [.range], mediaType: "application/octet-stream"
        ) { request throws(Problem) in
            let item = try service.find(
                .image, in: try request.project(), request.value("item"), for: request.principal)
            return .bytes(try await images.source(of: item.id, range: request.headers[.range]))
        }
    }

    private static func render(_ upload: ImageIntake.Upload) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("received", upload.received)
            writer.member("size", upload.size)
            writer.member("state", upload.state)
        }
        return writer.bytes
    }
}

extension Parameter {
    static let offset = Parameter(
        name: "offset", summary: "Where the piece begins: how many bytes came before.", schema: .revision)
    static let range = Parameter(
        place: .header, name: "Range", summary: "Like bytes=0-1048575: only these.", schema: .text(64))
}

extension ImageStore {
    func source(of image: ResourceID, range: String?) async throws(Problem) -> ByteSource {
        let stored: StoredImage?
        do { stored = try await list().first { $0.id == image } } catch { throw Problem(error) }
        guard let stored, stored.isReady else {
            throw Problem(.conflict, "the bytes of the image are not all there yet: upload them first")
        }
        return try ByteSource(size: stored.size, range: range) { offset, count in
            try await read(image, at: offset, count: count)
        }
    }
}

extension Problem {
    /// What a store of images refused.
    init(_ error: ImageStoreError) {
        switch error.code {
        case .absent: self.init(.notFound, "the store has no such image: \(error.cause)")
        case .busy: self.init(.conflict, "another piece of the image is on its way: \(error.cause)")
        case .differs: self.init(.conflict, "\(error.cause)")
        case .misplaced(let expected):
            self.init(.conflict, field: "offset", value: "", rule: "must be \(expected): go on there")
        case .incomplete(let missing): self.init(.conflict, "\(missing) bytes of the image are missing")
        case .refused: self.init(field: "spec", value: "", rule: "must be what the bytes are: \(error.cause)")
        case .inUse: self.init(.conflict, "disks are made of the image: \(error.cause)")
        case .overQuota: self.init(.quotaExceeded, "\(error.cause)")
        case .full: self.init(.storeFull, "the disk for images is full; make room and go on: \(error.cause)")
        case .unavailable: self.init(.unavailable, "\(error.cause)")
        }
    }
}
