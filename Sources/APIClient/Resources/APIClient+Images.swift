import Resources

/// How many bytes of an image are there.
package struct ImageProgress: Sendable, Hashable {
    package let received: UInt64
    package let size: UInt64
    /// "uploading", "checking", "ready" or "refused".
    package let state: String

    init(_ node: JSONNode) throws(FieldError) {
        // Members of a newer server are passed over.
        var reader = try FieldReader(node, path: "")
        received = try reader.required("received")
        size = try reader.required("size")
        state = try reader.required("state")
    }
}

/// The bytes of images. All of it throws `APIProblem`, `APIFailure` and `CancellationError`.
extension APIClient {
    /// The most bytes of one piece.
    package static let imagePiece = 8 << 20

    /// - Parameter images: the collection of images.
    package func imageProgress(_ images: ResourceCollection, _ image: String) async throws -> ImageProgress {
        try await progress(APIRequest(.get, images.path(of: image) + ["upload"]))
    }

    /// Adds a piece. One that is there already changes nothing.
    /// - Parameter offset: how many bytes came before.
    package func upload(
        _ piece: [UInt8], to image: String, of images: ResourceCollection, at offset: UInt64
    ) async throws -> ImageProgress {
        // With the last piece the whole image is read again and checked; of a large one that takes its time.
        try await progress(
            APIRequest(
                .post, images.path(of: image) + ["upload"], query: [("offset", "\(offset)")], body: piece,
                timeout: .seconds(600)))
    }

    /// Some bytes of an image that is ready.
    package func bytes(
        of image: String, in images: ResourceCollection, _ range: Range<UInt64>
    ) async throws -> [UInt8] {
        var request = APIRequest(.get, images.path(of: image) + ["data"], timeout: .seconds(120))
        request.headers = [("Range", "bytes=\(range.lowerBound)-\(range.upperBound - 1)")]
        let response = try await send(request)
        guard response.body.count == range.count else {
            throw APIFailure(
                .protocolViolation, operation: request.summary, subject: "the answer",
                cause: "it has \(response.body.count) of \(range.count) bytes",
                advice: "check that client and server are of the same version")
        }
        return response.body
    }

    private func progress(_ request: APIRequest) async throws -> ImageProgress {
        let node = try await send(request).json(of: request)
        return try promised(request) { () throws(FieldError) in try ImageProgress(node) }
    }
}
