package import ComputePorts
import Dispatch
package import ImageFormats
package import Resources

/// Layer 5. Images as files of one local directory: `<id>.image` is ready, `<id>.<size>.part` has been begun. Must not know
/// what an image is for.
///
/// A name of a file is made from an id alone, and the directory is held open: nothing that a user writes can lead
/// elsewhere. A file becomes ready by a second name, after its bytes are on the disk, and loses the first one; a
/// crash leaves it begun or ready.
///
/// What is there is looked up each time, and an image is locked while it is changed: any number of processes may use one
/// directory, also one of a file system that several machines share, if it has POSIX locks between them (NFS 4, CephFS).
package final class FileImages: ImageStore {
    private let folder: ImageFolder
    private let quota: UInt64

    /// Opens the directory at `path`, which the operator names; it must exist.
    /// - Parameter quota: bytes of all images together, whole or begun.
    package init(path: String, quota: UInt64) throws(ImageStoreError) {
        folder = try ImageFolder(path: path)
        self.quota = quota
    }

    package func begin(_ image: ResourceID, size: UInt64) async throws(ImageStoreError) -> UInt64 {
        try await working(on: image, "begin") { [self] known throws(ImageStoreError) in
            if let known {
                guard known.size == size else {
                    throw Self.error(.differs, "begin", "the image was begun with \(known.size) bytes, not \(size)")
                }
                return known.received
            }
            let new = StoredImage(id: image, size: size, received: 0, isReady: false)
            // Of two that begin at the same time the second one counts the first.
            let lock = try folder.lockAll()
            defer { withExtendedLifetime(lock) {} }
            try requireRoom(for: new)
            try folder.create(new)
            return 0
        }
    }

    private func requireRoom(for image: StoredImage) throws(ImageStoreError) {
        let used = try folder.list().reduce(0) { $0 + $1.size }
        guard image.size > quota || used > quota - image.size else { return }
        let cause = "\(image.size) bytes more than the \(used) that are taken would be beyond the \(quota) allowed"
        throw Self.error(.overQuota, "begin", cause)
    }

    package func append(_ piece: [UInt8], to image: ResourceID, at offset: UInt64) async throws(ImageStoreError)
        -> UInt64
    {
        try await working(on: image, "append") { [folder] known throws(ImageStoreError) in
            guard let part = known, !part.isReady else {
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
            return part.received + UInt64(piece.count)
        }
    }

    package func finish(_ image: ResourceID, _ expected: ExpectedImage) async throws(ImageStoreError)
        -> ImageInspection
    {
        try await working(on: image, "finish") { [folder] known throws(ImageStoreError) in
            guard let part = known else { throw Self.error(.absent, "finish", "no image of this id was begun") }
            guard part.received == part.size else {
                let missing = part.size - part.received
                throw Self.error(.incomplete(missing: missing), "finish", "\(missing) bytes are missing")
            }
            let inspection: ImageInspection
            do throws(ImageStoreError) { inspection = try folder.inspect(part, expected) } catch {
                // A ready one is not what the caller expects: no fault of its bytes. What could not be read stays too.
                if error.code == .refused, !part.isReady { try folder.remove(part) }
                throw error
            }
            if !part.isReady { try folder.publish(part) }
            return inspection
        }
    }

    package func read(_ image: ResourceID, at offset: UInt64, count: Int) async throws(ImageStoreError) -> [UInt8] {
        try await Self.blocking { [folder] () throws(ImageStoreError) in
            guard let known = try folder.ready(image) else {
                throw Self.error(.absent, "read", "no image of this id is ready")
            }
            let length = min(
                UInt64(max(0, min(count, ImagePiece.maximum))), known.size > offset ? known.size - offset : 0)
            return try folder.read(known, at: offset, count: Int(length))
        }
    }

    package func delete(_ image: ResourceID) async throws(ImageStoreError) {
        try await working(on: image, "delete") { [folder] known throws(ImageStoreError) in
            if let known { try folder.remove(known) }
        }
    }

    package func list() async throws(ImageStoreError) -> [StoredImage] {
        try await Self.blocking { [folder] () throws(ImageStoreError) in
            try folder.list().sorted { $0.id < $1.id }
        }
    }

    // MARK: one at a time

    /// Runs `body` on a thread that may block, alone for this image, with what is there of it.
    private func working<Value: Sendable>(
        on image: ResourceID, _ operation: String,
        _ body: @escaping @Sendable (StoredImage?) throws(ImageStoreError) -> Value
    ) async throws(ImageStoreError) -> Value {
        try await Self.blocking { [folder] () throws(ImageStoreError) in
            guard let lock = try folder.lock(image) else {
                throw Self.error(.busy, operation, "somebody else works on the image")
            }
            defer { withExtendedLifetime(lock) {} }
            return try body(try folder.list().first { $0.id == image })
        }
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
