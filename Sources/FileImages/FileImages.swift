package import ComputePorts
import Dispatch
package import ImageFormats
package import Resources
import Synchronization

/// Layer 5. Images as files of one local directory: `<id>.image` is ready, `<id>.<size>.part` has been begun. Must not know
/// what an image is for.
///
/// A name of a file is made from an id alone, and the directory is held open: nothing that a user writes can lead
/// elsewhere. A file becomes ready by a second name, after its bytes are on the disk, and loses the first one; a
/// crash leaves it begun or ready.
package final class FileImages: ImageStore {
    private let folder: ImageFolder
    private let quota: UInt64
    private let state = Mutex(State())

    private struct State {
        /// Images that somebody works on.
        var busy: Set<ResourceID> = []
        /// What is there, also what is only promised.
        var images: [ResourceID: StoredImage] = [:]
    }

    /// Opens the directory at `path`, which the operator names; it must exist.
    /// - Parameter quota: bytes of all images together, whole or begun.
    package init(path: String, quota: UInt64) throws(ImageStoreError) {
        folder = try ImageFolder(path: path)
        self.quota = quota
        let found = try folder.list()
        let ready = Set(found.filter(\.isReady).map(\.id))
        // A crash between the two names of a finished image.
        for image in found where !image.isReady && ready.contains(image.id) { try folder.remove(image) }
        state.withLock { state in
            for image in found where state.images[image.id]?.isReady != true { state.images[image.id] = image }
        }
    }

    package func begin(_ image: ResourceID, size: UInt64) async throws(ImageStoreError) -> UInt64 {
        try await working(on: image, "begin") { [self] known throws(ImageStoreError) in
            if let known {
                guard known.size == size else {
                    throw Self.error(.differs, "begin", "the image was begun with \(known.size) bytes, not \(size)")
                }
                return (known, known.received)
            }
            let new = StoredImage(id: image, size: size, received: 0, isReady: false)
            try promise(new)
            do throws(ImageStoreError) { try folder.create(new) } catch {
                state.withLock { $0.images[image] = nil }
                throw error
            }
            return (new, 0)
        }
    }

    /// Counts an image in, if the quota allows it.
    private func promise(_ image: StoredImage) throws(ImageStoreError) {
        let used = state.withLock { state -> UInt64? in
            let used = state.images.values.reduce(0) { $0 + $1.size }
            guard image.size <= quota, used <= quota - image.size else { return used }
            state.images[image.id] = image
            return nil
        }
        guard let used else { return }
        let cause = "\(image.size) bytes more than the \(used) that are taken would be beyond the \(quota) allowed"
        throw Self.error(.overQuota, "begin", cause)
    }

    package func append(_ piece: [UInt8], to image: ResourceID, at offset: UInt64) async throws(ImageStoreError)
        -> UInt64
    {
        try await working(on: image, "append") { [folder] known throws(ImageStoreError) in
            guard var part = known, !part.isReady else {
                throw Self.error(known == nil ? .absent : .differs, "append", "no image of this id is being uploaded")
            }
            guard offset == part.received else {
                let cause = "the next piece begins at \(part.received), not at \(offset)"
                throw Self.error(.misplaced(expected: part.received), "append", cause)
            }
            guard (1...ImagePiece.maximum).contains(piece.count), UInt64(piece.count) <= part.size - part.received
            else {
                let cause =
                    "a piece has 1 to \(ImagePiece.maximum) bytes, and \(part.size - part.received) are missing; "
                    + "it has \(piece.count)"
                throw Self.error(.differs, "append", cause)
            }
            try folder.write(piece, to: part)
            part.received += UInt64(piece.count)
            return (part, part.received)
        }
    }

    package func finish(_ image: ResourceID, _ expected: ExpectedImage) async throws(ImageStoreError)
        -> ImageInspection
    {
        let result: Result<ImageInspection, ImageStoreError> = try await working(on: image, "finish") {
            [folder] known throws(ImageStoreError) -> (StoredImage?, Result<ImageInspection, ImageStoreError>) in
            guard var part = known else { throw Self.error(.absent, "finish", "no image of this id was begun") }
            guard part.received == part.size else {
                let missing = part.size - part.received
                throw Self.error(.incomplete(missing: missing), "finish", "\(missing) bytes are missing")
            }
            let inspection: ImageInspection
            do throws(ImageStoreError) { inspection = try folder.inspect(part, expected) } catch {
                // A ready one is not what the caller expects: no fault of its bytes. What could not be read stays too.
                guard error.code == .refused, !part.isReady else { throw error }
                try folder.remove(part)
                return (nil, .failure(error))
            }
            if !part.isReady { try folder.publish(part) }
            part.isReady = true
            return (part, .success(inspection))
        }
        return try result.get()
    }

    package func read(_ image: ResourceID, at offset: UInt64, count: Int) async throws(ImageStoreError) -> [UInt8] {
        let known = state.withLock { $0.images[image] }
        guard let known, known.isReady else { throw Self.error(.absent, "read", "no image of this id is ready") }
        let length = min(UInt64(max(0, min(count, ImagePiece.maximum))), known.size > offset ? known.size - offset : 0)
        return try await Self.blocking { [folder] () throws(ImageStoreError) in
            try folder.read(known, at: offset, count: Int(length))
        }
    }

    package func delete(_ image: ResourceID) async throws(ImageStoreError) {
        try await working(on: image, "delete") { [folder] known throws(ImageStoreError) in
            if let known { try folder.remove(known) }
            return (nil, ())
        }
    }

    package func list() async throws(ImageStoreError) -> [StoredImage] {
        state.withLock { $0.images.values.sorted { $0.id < $1.id } }
    }

    // MARK: one at a time

    /// Runs `body` on a thread that may block, alone for this image, and keeps what it says about it.
    private func working<Value: Sendable>(
        on image: ResourceID, _ operation: String,
        _ body: @escaping @Sendable (StoredImage?) throws(ImageStoreError) -> (StoredImage?, Value)
    ) async throws(ImageStoreError) -> Value {
        let (isMine, known) = state.withLock { ($0.busy.insert(image).inserted, $0.images[image]) }
        guard isMine else { throw Self.error(.busy, operation, "somebody else works on the image") }
        defer { state.withLock { _ = $0.busy.remove(image) } }
        let (new, value) = try await Self.blocking { () throws(ImageStoreError) in try body(known) }
        state.withLock { $0.images[image] = new }
        return value
    }

    private static func blocking<Value: Sendable>(
        _ body: @escaping @Sendable () throws(ImageStoreError) -> Value
    ) async throws(ImageStoreError) -> Value {
        let result: Result<Value, ImageStoreError> = await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                do throws(ImageStoreError) { continuation.resume(returning: .success(try body())) } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        return try result.get()
    }

    static func error(_ code: ImageStoreError.Code, _ operation: String, _ cause: String) -> ImageStoreError {
        ImageStoreError(code, operation: operation, cause: cause)
    }
}
